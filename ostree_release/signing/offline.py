"""Signing elsewhere: the exact bytes and what they mean go out, only the detached signature comes back."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from ..composing import builds
from ..config import Environment
from ..context import Context
from ..errors import Refused
from ..model import Commit
from ..releasing.road import look_at
from ..releasing.survey import Survey
from ..repo import Repository
from . import gpg, keyring
from .sign import note, require_admitted

_SIGNATURE_LIMIT = 16384  # bytes; a signature by a 4096-bit key, armored, is far below 2000


@dataclass(frozen=True)
class _Work:
    """What is to be signed, with where it was found."""

    environment: Environment
    repository: Repository
    seen: Survey
    commit: Commit


def request(context: Context, name: str, version: str | None) -> dict[str, Any]:
    """Return the bytes of a candidate (default: the newest) or release, and what they say in words.

    The build's own bytes are there too, where they still are, so that whoever signs can see that the release
    has the very tree of that build.
    """
    environment, source = context.config.promoting(name)
    with context.reading(environment):
        work = _find(context, environment, version)
        commit, repository = work.commit, work.repository
        require_admitted(context, environment, repository, commit)
        tip = work.seen.at(environment.rings[0].ref)
        changes = builds.changes((repository, tip.checksum) if tip else None, (repository, commit.checksum))
        parent = work.seen.commits.get(commit.parent or "")
        return {
            "environment": environment.name,
            "version": commit.version,
            "checksum": commit.checksum,
            "commit": _encoded(repository.commit_bytes(commit.checksum)),
            "build_commit": _build_bytes(Repository(source.repository), commit.build),
            "key": keyring.in_use(context, environment),
            "keys": sorted(gpg.fingerprints(environment.public_key)),
            "signatures": sorted(repository.signed_with(commit.checksum, environment.public_key)),
            "serial": commit.serial,
            "timestamp": commit.timestamp,
            "build": commit.build,
            "parent": {
                "checksum": commit.parent,
                "version": parent.version if parent else None,
            },
            "bindings": sorted(commit.bindings),
            "packages": changes,
        }


def attach(
    context: Context, name: str, version: str | None, expected: str | None, signature: BinaryIO
) -> dict[str, Any]:
    """Add a detached signature (binary or armored) to a candidate or release; returns the result as printed.

    expected: the checksum that was signed. Nothing is written unless the signature is valid, by a key that
    clients trust, and of what that version is now.
    """
    if not version or not expected:
        raise Refused("sign --attach: give --version and, as --expect, the checksum that was signed")
    environment, _ = context.config.promoting(name)
    given = _read(signature)
    with context.changing(environment, "sign"):
        work = _find(context, environment, version)
        commit, repository = work.commit, work.repository
        if commit.checksum != expected:
            raise Refused(
                f"{version} is {commit.checksum} now, and the signature is of {expected}: it was staged "
                "again meanwhile: look at it and sign anew"
            )
        require_admitted(context, environment, repository, commit)
        key = _verified(work, given)
        new = key not in repository.signed_with(commit.checksum, environment.public_key)
        if new:
            repository.attach(commit.checksum, given)
            note(context, environment, commit, key)
    return {
        "outcome": "signed" if new else "unchanged",
        "environment": environment.name,
        "release": {"version": commit.version, "checksum": commit.checksum, "serial": commit.serial},
        "key": key,
        "next": f"ostree-release publish --to {environment.name}",
    }


def _find(context: Context, environment: Environment, version: str | None) -> _Work:
    """Find what is to be signed: a candidate that can still be published, else a release of that version."""
    repository = Repository(environment.repository)
    seen = look_at(context, environment, repository)
    for candidate in reversed(seen.candidates):
        if version in (None, candidate.version):
            if not seen.is_valid_candidate(candidate):
                raise Refused(f"candidate {candidate.version}: overtaken by a newer release: stage it again")
            return _Work(environment, repository, seen, candidate)
    for release in reversed(seen.releases):
        if version == release.version:
            return _Work(environment, repository, seen, release)
    named = f"candidate or release {version}" if version else "candidate"
    raise Refused(f"no {named} in {environment.name}: stage a build first")


def _verified(work: _Work, signature: bytes) -> str:
    """Return the fingerprint of the key that a signature of the commit is by; refuses any other signature."""
    of = f"signature of {work.commit.version}"
    with _refusing(of):
        found = work.repository.signers_of(work.commit.checksum, signature, work.environment.public_key)
    if len(found) != 1:
        raise Refused(f"{of}: one signature is wanted, {len(found)} came: nothing was changed")
    fingerprint, wrong = found[0]
    # libostree also trusts the host's own keyrings, whatever it is handed.
    if not wrong and fingerprint not in gpg.fingerprints(work.environment.public_key):
        wrong = "its key is not among those that clients trust"
    if wrong:
        raise Refused(f"{of} by {fingerprint}: {wrong}: nothing was changed")
    return fingerprint


@contextlib.contextmanager
def _refusing(of: str) -> Iterator[None]:
    try:
        yield
    except Refused as refusal:
        raise Refused(f"{of}: what came is no signature ({refusal}): nothing was changed") from refusal


def _read(stream: BinaryIO) -> bytes:
    given = stream.read(_SIGNATURE_LIMIT + 1)
    if len(given) > _SIGNATURE_LIMIT:
        raise Refused(f"signature: longer than {_SIGNATURE_LIMIT} bytes, so it is none: nothing was changed")
    if not given.strip():
        raise Refused("signature: nothing came on standard input: nothing was changed")
    return gpg.dearmored(given)


def _build_bytes(source: Repository, build: str | None) -> str | None:
    return _encoded(source.commit_bytes(build)) if build and source.has(build) else None


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
