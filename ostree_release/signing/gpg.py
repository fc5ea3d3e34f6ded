"""What gpg says about keys: a file or a GNUPGHOME goes in, plain data comes out."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import Refused


@dataclass(frozen=True)
class Key:
    """A primary key. expires: seconds since 1970, None for never; usable: neither expired nor revoked."""

    fingerprint: str
    name: str
    expires: int | None
    usable: bool


def keys(public_key: Path) -> list[Key]:
    """Return the keys in a public key file; refuses one without any."""
    with tempfile.TemporaryDirectory(prefix="ostree-release-") as home:
        found = _parsed(_gpg(Path(home), "--no-autostart", "--show-keys", str(public_key)), "pub")
    if not found:
        raise Refused(f"{public_key}: no public key in it")
    return found


def fingerprints(public_key: Path) -> frozenset[str]:
    """Return the fingerprints of the primary keys in a public key file; refuses one without any."""
    return frozenset(key.fingerprint for key in keys(public_key))


def secret_keys(home: Path) -> list[Key]:
    """Return the keys in a GNUPGHOME, if there is one, whose secret part is there too."""
    return _parsed(_gpg(home, "--list-secret-keys"), "sec") if home.is_dir() else []


def dearmored(data: bytes) -> bytes:
    """Return OpenPGP data as binary, whether it is binary or armored; refuses what only looks armored."""
    if not data.lstrip().startswith(b"-----BEGIN PGP "):
        return data
    with tempfile.TemporaryDirectory(prefix="ostree-release-") as home:
        return _run(*_command(Path(home)), "--no-autostart", "--dearmor", given=data)


@contextlib.contextmanager
def no_agent_left(home: Path) -> Iterator[None]:
    """Stop the gpg-agent that the block starts for a GNUPGHOME; one that was running before is left alone."""
    running = b"D " in _run(
        "gpg-connect-agent", "--homedir", str(home), "--no-autostart", "GETINFO pid", "/bye"
    )
    try:
        yield
    finally:
        if not running:
            _run("gpgconf", "--homedir", str(home), "--kill", "gpg-agent")


def _parsed(listing: str, kind: str) -> list[Key]:
    """Return the primary keys of a colon listing (gnupg, doc/DETAILS); kind: `pub` or `sec`."""
    found: list[Key] = []
    record: list[str] | None = None  # of the primary key, until its fingerprint was read
    for line in listing.splitlines():
        fields = line.split(":")
        if fields[0] in ("pub", "sec", "sub", "ssb"):
            record = fields if fields[0] == kind else None
        elif fields[0] == "fpr" and record:
            expires = int(record[6]) if record[6].isdecimal() else None
            found.append(Key(fields[9], "", expires, record[1] not in ("e", "r", "d", "i")))
            record = None
        elif fields[0] == "uid" and found and not found[-1].name:
            key = found[-1]
            found[-1] = Key(key.fingerprint, fields[9], key.expires, key.usable)
    return found


def _command(home: Path) -> tuple[str, ...]:
    return ("gpg", "--homedir", str(home), "--batch")


def _gpg(home: Path, *arguments: str) -> str:
    return _run(*_command(home), "--with-colons", *arguments).decode(errors="replace")


def _run(*command: str, given: bytes = b"") -> bytes:
    try:
        done = subprocess.run(command, capture_output=True, check=False, input=given)
    except FileNotFoundError:
        raise Refused(f"{command[0]} is not installed") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        reason = said.rpartition("\n")[2] or f"exit status {done.returncode}"
        raise Refused(f"{command[0]} with {command[2]}: {reason}")
    return done.stdout
