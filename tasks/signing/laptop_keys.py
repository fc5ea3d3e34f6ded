"""The gpg of whoever runs this, with its agent, pinentry and smart cards: keys are used, never copied."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path


class LaptopKeyError(Exception):
    """There is no key to sign with, or it did not sign; the text is the line to show."""


def find(wanted: str, trusted: Collection[str]) -> str:
    """Return the fingerprint of the secret key to sign with.

    + wanted: a fingerprint, its end, or whatever else gpg takes for a key
    + trusted: fingerprints of the keys that clients trust

    Raises LaptopKeyError: no gpg, no such secret key, several, or one that clients do not trust.
    """
    done = _gpg("--batch", "--with-colons", "--list-secret-keys", "--", wanted)
    found = []
    primary = False
    for fields in (line.split(":") for line in done.stdout.decode(errors="replace").splitlines()):
        if fields[0] in ("sec", "ssb", "fpr") and len(fields) < 10:
            raise LaptopKeyError("this machine's gpg printed a list of keys that ends in the middle")
        if fields[0] in ("sec", "ssb"):
            primary = fields[0] == "sec"
        elif fields[0] == "fpr" and primary:
            found.append(fields[9])
            primary = False
    if not found:
        raise LaptopKeyError(
            f"this machine's gpg has no secret key {wanted}: plug in its card, or name another"
        )
    if len(found) > 1:
        raise LaptopKeyError(
            f"this machine's gpg has {len(found)} secret keys called {wanted}: give a fingerprint"
        )
    if found[0] not in trusted:
        raise LaptopKeyError(
            f"clients do not trust key {found[0]}, only {', '.join(sorted(trusted))}: introduce it first "
            "(tasks/keys.py)"
        )
    return found[0]


def sign(fingerprint: str, data: bytes) -> str:
    """Return the detached, armored signature of some bytes; gpg may ask for a passphrase or a card.

    Raises LaptopKeyError: nothing was signed, with gpg's reason.
    """
    with tempfile.TemporaryDirectory(prefix="ostree-sign-") as folder:
        file, signature = Path(folder) / "commit", Path(folder) / "commit.asc"
        file.write_bytes(data)
        done = _gpg(
            *("--armor", "--local-user", fingerprint, "--output", str(signature), "--detach-sign", str(file)),
            terminal=True,
        )
        if done.returncode or not signature.exists():
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise LaptopKeyError(f"nothing was signed: {said[-1] if said else 'gpg ended without a word'}")
        return signature.read_text(encoding="ascii")


def _gpg(*arguments: str, terminal: bool = False) -> subprocess.CompletedProcess[bytes]:
    """Run gpg.

    + terminal: leave it the keyboard, which a pinentry in the terminal needs
    """
    environment = dict(os.environ)
    if terminal and sys.stdin.isatty():
        environment["GPG_TTY"] = os.ttyname(sys.stdin.fileno())
    try:
        return subprocess.run(
            ("gpg", *arguments),
            stdin=None if terminal else subprocess.DEVNULL,
            capture_output=True,
            env=environment,
            check=False,
        )
    except FileNotFoundError:
        raise LaptopKeyError("gpg is not installed on this machine") from None
