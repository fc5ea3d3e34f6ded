"""Signing elsewhere: the exact bytes and what they mean go out, only the detached signature comes back."""

from __future__ import annotations

import base64
from typing import Any, BinaryIO

from ..context import Context
from ..environments import find, signature
from ..environments.recovery import changing
from ..environments.snapshot import Snapshot, look
from ..errors import Refused
from ..images import pkglist
from ..model import Commit, following
from ..repository import writing
from ..repository.reading import Repository
from ..signing import gpg, keyring
from .sign import due, require_admitted

_SIGNATURE_LIMIT = 16384  # bytes; a signature by a 4096-bit key, armored, is far below 2000


def request(context: Context, name: str, version: str | None) -> dict[str, Any]:
    """Return the bytes of a candidate (default: the newest) or release, and what they say in words.

    The build's own bytes are there too, where they still are, so that whoever signs can see that the release
    has the very tree of that build.
    """
    environment, _ = context.config.promoting(name)
    with context.reading(environment):
        seen = look(context, environment)
        commit, repository = _signable(context, seen, version), seen.repository
        require_admitted(context, seen, commit, due(seen, commit))
        tip = seen.tips.get(environment.rings[0].ref)
        parent = seen.commits.get(commit.parent or "")
        return {
            "environment": environment.name,
            "version": commit.version,
            "checksum": commit.checksum,
            "commit": _encoded(repository.commit_bytes(commit.checksum)),
            "build_commit": _build_bytes(seen.origin, commit.build),
            "key": keyring.in_use(context.config, environment),
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
            "next": following("promote", environment.name, sign="laptop"),
            "packages": pkglist.between(
                (repository, tip.checksum) if tip else None, (repository, commit.checksum)
            ),
        }


def attach(
    context: Context, name: str, version: str | None, expected: str | None, stream: BinaryIO
) -> dict[str, Any]:
    """Add a detached signature (binary or armored) to a candidate or release; returns the result as printed.

    + expected: the checksum that was signed. Nothing is written unless the signature is valid, by a key that
      clients trust, and of what that version is now
    """
    if not version or not expected:
        raise Refused("sign --attach: give --version and, as --expect, the checksum that was signed")
    environment, _ = context.config.promoting(name)
    given = _read(stream)
    with changing(context, environment, "sign") as settled:
        seen = look(context, environment, settled.entries)
        commit, repository = _signable(context, seen, version), seen.repository
        if commit.checksum != expected:
            raise Refused(
                f"{version} is {commit.checksum} now, and the signature is of {expected}: it was staged "
                "again meanwhile: look at it and sign anew"
            )
        require_admitted(context, seen, commit, due(seen, commit))
        key = _verified(seen, commit, given)
        new = key not in repository.signed_with(commit.checksum, environment.public_key)
        if new:
            writing.attach(repository, commit.checksum, given)
            signature.note(context, environment, commit, key)
    return {
        "outcome": "signed" if new else "unchanged",
        "environment": environment.name,
        "release": commit.as_json(),
        "key": key,
        "next": {"subcommand": "publish", "arguments": ["--to", environment.name]},
    }


def _signable(context: Context, seen: Snapshot, typed: str | None) -> Commit:
    """Return what is to be signed: a candidate that can still be published, or a release."""
    commit = find.candidate(context.config, seen, typed)
    if commit not in (*seen.releases, *seen.valid_candidates):
        raise Refused(f"candidate {commit.version}: overtaken by a newer release: stage it again")
    return commit


def _verified(seen: Snapshot, commit: Commit, given: bytes) -> str:
    """Return the fingerprint of the key that a signature of the commit is by; refuses any other signature."""
    of = f"signature of {commit.version}"
    try:
        found = seen.repository.signers_of(commit.checksum, given, seen.environment.public_key)
    except Refused as refusal:
        raise Refused(f"{of}: what came is no signature ({refusal}): nothing was changed") from refusal
    if len(found) != 1:
        raise Refused(f"{of}: one signature is wanted, {len(found)} came: nothing was changed")
    fingerprint, wrong = found[0]
    # libostree also trusts the host's own keyrings, whatever it is handed.
    if not wrong and fingerprint not in gpg.fingerprints(seen.environment.public_key):
        wrong = "its key is not among those that clients trust"
    if wrong:
        raise Refused(f"{of} by {fingerprint}: {wrong}: nothing was changed")
    return fingerprint


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
