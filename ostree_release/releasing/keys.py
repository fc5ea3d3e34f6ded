"""One key takes over from another: it is introduced, then used, and at last the old one is withdrawn.

In between clients may trust both, and releases carry both signatures. Only root changes what clients trust;
what belongs to the environment's owner is done as that user.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from .. import files
from ..access.entry import acting_as
from ..anchors import anchor
from ..config import Environment
from ..context import Context
from ..environments.recovery import changing
from ..environments.signature import note
from ..errors import Refused
from ..model import Commit, following
from ..repository import writing
from ..repository.reading import Repository
from ..signing import gpg, keyring
from ..text import command

_KEY_LIMIT = 1 << 18  # bytes; an exported key with many signatures is far below
NEW = "new"


def listing(context: Context, name: str) -> dict[str, Any]:
    """Return an environment's keys, and which kept releases or builds each has not signed."""
    environment = context.config.environment(name)
    with context.reading(environment):
        kept = _kept(Repository(environment.repository), environment)
        used = keyring.in_use(context.config, environment)
        here = _here(environment)
        return {
            "environment": name,
            "signing": environment.signing,
            "in_use": used,
            "keys": [
                {
                    "fingerprint": key.fingerprint,
                    "name": key.name,
                    "expires": key.expires,
                    "usable": key.usable,
                    "in_use": key.fingerprint == used,
                    "here": None if here is None else key.fingerprint in here,
                    "unsigned": [commit.version for commit in _unsigned(kept, key.fingerprint)],
                }
                for key in gpg.keys(environment.public_key)
            ],
        }


def introduce(context: Context, name: str, what: str, stream: BinaryIO) -> dict[str, Any]:
    """Publish one more key that clients are to trust.

    + what: NEW makes one here, "-" reads one
    """
    environment = context.config.environment(name)
    if what not in (NEW, "-"):
        raise Refused(f"keys introduce {what}: give {NEW}, or - and the exported key on standard input")
    data = _read(stream) if what != NEW else b""
    if what == NEW and environment.offline:
        raise Refused(
            f"{name} is signed offline: make the key where it is safe, and introduce its public part"
        )
    with _changing(context, environment, "keys introduce"):
        before = environment.public_key.read_bytes()
        used = keyring.in_use(context.config, environment)
        if not environment.offline:
            _make_home(environment)
        if what == NEW:
            label = f"{context.config.image} {name} {time.strftime('%Y-%m-%d', time.gmtime())}"
            with acting_as(environment.owner):
                fingerprint = gpg.generate(environment.gnupghome, label)
                data = gpg.exported(environment.gnupghome, fingerprint)
        else:
            fingerprint = _imported(environment, data)
        if fingerprint in gpg.fingerprints(environment.public_key):
            return _result(
                "unchanged", environment, fingerprint, following("keys", environment.name, use=fingerprint)
            )
        _write(keyring.record(context.config, environment), f"{used}\n".encode())
        _publish(context, environment, before + gpg.public(data, [fingerprint]))
        context.record("key", "keys introduce", name, key=fingerprint)
    return _result("introduced", environment, fingerprint, following("rebase"))


def use(context: Context, name: str, fingerprint: str) -> dict[str, Any]:
    """Sign with another key from now on, after everything that is kept was signed again with it."""
    environment = context.config.environment(name)
    with _changing(context, environment, "keys use"):
        _require_trusted(environment, fingerprint)
        with acting_as(environment.owner):
            repository = Repository(environment.repository)
            missing = _unsigned(_kept(repository, environment), fingerprint)
            here = [key.fingerprint for key in gpg.secret_keys(environment.gnupghome) if key.usable]
            if missing and (environment.offline or fingerprint not in here):
                versions = ", ".join(commit.version for commit in missing)
                raise Refused(
                    f"{fingerprint} is not on this server and has not signed {versions} of {name} yet: sign "
                    f"them on the laptop: {command(following('keys', name, use=fingerprint))}"
                )
            if missing:
                with gpg.no_agent_left(environment.gnupghome):
                    for commit in missing:
                        context.say(f"Signing {commit.version} with {fingerprint}")
                        writing.sign(repository, commit.checksum, fingerprint, environment.gnupghome)
                        note(context, environment, commit, fingerprint)
        changed = keyring.in_use(context.config, environment) != fingerprint
        if changed:
            _write(keyring.record(context.config, environment), f"{fingerprint}\n".encode())
            context.record("key", "keys use", name, key=fingerprint)
    outcome = "used" if changed or missing else "unchanged"
    signed_again = [commit.version for commit in missing]
    return {**_result(outcome, environment, fingerprint, following("keys", name)), "signed": signed_again}


def withdraw(context: Context, name: str, fingerprint: str) -> dict[str, Any]:
    """Take a key out of what clients are to trust, and delete its secret part here.

    Refuses the key in use, and one without which a kept release would have no signature that counts.
    """
    environment = context.config.environment(name)
    with _changing(context, environment, "keys withdraw"):
        trusted = gpg.fingerprints(environment.public_key)
        if fingerprint not in trusted:
            with acting_as(environment.owner):
                _forget(environment, fingerprint)
            return _result("unchanged", environment, fingerprint, following("keys", name))
        used = keyring.in_use(context.config, environment)
        if fingerprint == used:
            raise Refused(f"{fingerprint} is in use in {name}: let another key take over first ({_KEYS_USE})")
        with acting_as(environment.owner):
            kept = _kept(Repository(environment.repository), environment)
        left = _unsigned(kept, used)
        if left:
            versions = ", ".join(commit.version for commit in left)
            raise Refused(
                f"{versions} of {name} would be left without a signature by {used}: "
                f"ostree-release keys use {used} --to {name}"
            )
        before = environment.public_key.read_bytes()
        withdrawn = keyring.withdrawn(context.config, environment)
        old = withdrawn.read_bytes() if withdrawn.exists() else b""
        _write(withdrawn, old + gpg.public(before, [fingerprint]))
        _publish(context, environment, gpg.public(before, trusted - {fingerprint}))
        with acting_as(environment.owner):
            _forget(environment, fingerprint)
            context.record("key", "keys withdraw", name, key=fingerprint)
            # The last one may be by the key that nobody trusts any more.
            anchor(context, environment, context.journal.entries())
    return _result("withdrawn", environment, fingerprint, following("rebase"))


_KEYS_USE = "ostree-release keys use FINGERPRINT"


def _result(outcome: str, environment: Environment, fingerprint: str, step: dict[str, Any]) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "environment": environment.name,
        "key": fingerprint,
        "keys": sorted(gpg.fingerprints(environment.public_key)),
        "next": step,
    }


@contextlib.contextmanager
def _changing(context: Context, environment: Environment, what: str) -> Iterator[None]:
    """Hold the environment's locks; the block runs as root, and acts as the owner where it says so."""
    with contextlib.ExitStack() as locks:
        with acting_as(environment.owner):
            locks.enter_context(changing(context, environment, what))
        try:
            yield
        except OSError as error:
            raise Refused(f"{what} {environment.name}: {error.filename or ''}: {error.strerror}") from error


def _make_home(environment: Environment) -> None:
    """Make the GNUPGHOME of an environment, where the old one is lost with its key."""
    if not environment.gnupghome.exists():
        environment.gnupghome.mkdir(mode=0o700)
        shutil.chown(environment.gnupghome, environment.owner, pwd.getpwnam(environment.owner).pw_gid)


def _kept(repository: Repository, environment: Environment) -> list[tuple[Commit, frozenset[str]]]:
    """Return every release and candidate, or build, with the trusted keys that have signed it."""
    if environment.composed:
        commits = list(repository.history(environment.ref))
    else:
        refs = repository.refs()
        found = {checksum for ref, checksum in refs.items() if ref.startswith(f"{environment.home}/")}
        commits = sorted(map(repository.commit, found), key=lambda commit: commit.serial)
    return [(commit, repository.signed_with(commit.checksum, environment.public_key)) for commit in commits]


def _unsigned(kept: Iterable[tuple[Commit, frozenset[str]]], fingerprint: str) -> list[Commit]:
    """Return what is signed, but not with a key."""
    return [commit for commit, signed in kept if signed and fingerprint not in signed]


def _here(environment: Environment) -> frozenset[str] | None:
    """Return the keys whose secret part is here, or None where that is not for this user to see."""
    home = environment.gnupghome
    if home.is_dir() and not os.access(home, os.R_OK | os.X_OK):
        return None
    return frozenset(key.fingerprint for key in gpg.secret_keys(home))


def _imported(environment: Environment, data: bytes) -> str:
    """Take in a key that somebody brought; returns its fingerprint."""
    keys, secret = gpg.described(data)
    if len(keys) != 1:
        raise Refused(f"one key is wanted, {len(keys)} came: export it with gpg --export FINGERPRINT")
    key = keys[0]
    if not key.usable:
        raise Refused(f"{key.fingerprint} has expired or is revoked")
    if secret and environment.offline:
        raise Refused(
            f"{environment.name} is signed offline, and a secret key came: keep it, and send the public part "
            f"(gpg --export {key.fingerprint})"
        )
    if secret:
        with acting_as(environment.owner):
            gpg.bring(environment.gnupghome, data)
    return key.fingerprint


def _forget(environment: Environment, fingerprint: str) -> None:
    here = {key.fingerprint for key in gpg.secret_keys(environment.gnupghome)}
    if fingerprint in here:
        gpg.forget(environment.gnupghome, fingerprint)


def _require_trusted(environment: Environment, fingerprint: str) -> None:
    for key in gpg.keys(environment.public_key):
        if key.fingerprint == fingerprint:
            if not key.usable:
                raise Refused(f"{fingerprint} has expired or is revoked")
            return
    raise Refused(
        f"{fingerprint} is not among the keys that clients of {environment.name} are to trust: "
        "introduce it first"
    )


def _publish(context: Context, environment: Environment, content: bytes) -> None:
    """Make the file for clients, and what root keeps of it, hold these keys."""
    _write(keyring.trusted(context.config, environment), content)
    _write(environment.public_key, content)


def _write(path: Path, content: bytes) -> None:
    """Replace a file at once, readable for everybody."""
    path.parent.mkdir(exist_ok=True)
    files.replace(path, content, 0o644)


def _read(stream: BinaryIO) -> bytes:
    data = stream.read(_KEY_LIMIT + 1)
    if len(data) > _KEY_LIMIT or not data.strip():
        raise Refused("keys introduce: an exported key is wanted on standard input")
    return gpg.dearmored(data)
