"""Keys: which fingerprints a public key file holds, and the one secret key of an environment."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..errors import Refused


def fingerprints(public_key: Path) -> frozenset[str]:
    """Return the fingerprints of the primary keys in a public key file; refuses one without any."""
    with tempfile.TemporaryDirectory(prefix="ostree-release-") as home:
        listing = _gpg(Path(home), "--no-autostart", "--show-keys", str(public_key))
    found = frozenset(_primary_fingerprints(listing, "pub"))
    if not found:
        raise Refused(f"{public_key}: no public key in it")
    return found


def secret_fingerprint(home: Path, public_key: Path) -> str:
    """Return the fingerprint of the one secret key in a GNUPGHOME.

    Refuses none, several, and one whose public part is not what is published for the clients.
    """
    found = _primary_fingerprints(_gpg(home, "--list-secret-keys"), "sec")
    if len(found) != 1:
        raise Refused(f"{home}: one secret key is needed to sign with, found {len(found)}")
    if found[0] not in fingerprints(public_key):
        raise Refused(f"{home}: its secret key {found[0]} is not the published one of {public_key}")
    return found[0]


@contextlib.contextmanager
def no_agent_left(home: Path) -> Iterator[None]:
    """Stop the gpg-agent that the block starts for a GNUPGHOME; one that was running before is left alone."""
    running = "D " in _run(
        "gpg-connect-agent", "--homedir", str(home), "--no-autostart", "GETINFO pid", "/bye"
    )
    try:
        yield
    finally:
        if not running:
            _run("gpgconf", "--homedir", str(home), "--kill", "gpg-agent")


def _primary_fingerprints(listing: str, kind: str) -> list[str]:
    """Return the fingerprint after each `pub` or `sec` record of a colon listing (gnupg, doc/DETAILS)."""
    found = []
    wanted = False
    for line in listing.splitlines():
        fields = line.split(":")
        if fields[0] == "fpr" and wanted:
            found.append(fields[9])
            wanted = False
        elif fields[0] in ("pub", "sec", "sub", "ssb"):
            wanted = fields[0] == kind
    return found


def _gpg(home: Path, *arguments: str) -> str:
    return _run("gpg", "--homedir", str(home), "--batch", "--with-colons", *arguments)


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise Refused(f"{command[0]} is not installed") from None
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2] or f"exit status {done.returncode}"
        raise Refused(f"{command[0]} with {command[2]}: {reason}")
    return done.stdout
