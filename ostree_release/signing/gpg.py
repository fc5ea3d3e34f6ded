"""What gpg knows and does: keys, and detached signatures of a few bytes; plain data comes out."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import Refused

_UNATTENDED = ("--quiet", "--pinentry-mode", "loopback", "--passphrase", "")

# What gpg says of a signature that was good when it was made: also by a key that has expired since.
_GOOD = {"GOODSIG", "EXPKEYSIG"}
_READ = ("pub", "sec", "sub", "ssb", "fpr", "grp", "uid")


@dataclass(frozen=True)
class Key:
    """A primary key.

    + expires: seconds since 1970, None for never
    + usable: neither expired nor revoked
    + grip: what gpg-agent calls its secret part, where that was asked for
    """

    fingerprint: str
    name: str
    expires: int | None
    usable: bool
    grip: str = ""


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
    """Return the keys in a GNUPGHOME, if there is one, whose secret part is there too; starts no agent."""
    if not home.is_dir():
        return []
    options = ("--no-autostart", "--lock-never", "--trust-model", "always", "--with-keygrip", "--list-keys")
    private = home / "private-keys-v1.d"
    return [key for key in _parsed(_gpg(home, *options), "pub") if (private / f"{key.grip}.key").exists()]


def generate(home: Path, name: str) -> str:
    """Make a key in a GNUPGHOME: for signing only, without expiry and passphrase; returns its fingerprint.

    It never expires because an expired key makes clients refuse what was signed before.
    """
    options = (*_UNATTENDED, "--yes", "--status-fd", "1", "--quick-generate-key", name, "rsa3072", "sign")
    with no_agent_left(home):
        said = _run(*_command(home), *options, "never").decode(errors="replace")
    made = [line.split()[-1] for line in said.splitlines() if " KEY_CREATED " in line]
    if not made:
        raise Refused("gpg does not say which key it made")
    return made[0]


def exported(home: Path, fingerprint: str) -> bytes:
    """Return the public part of a key in a GNUPGHOME."""
    return _run(*_command(home), "--no-autostart", "--export", fingerprint)


def bring(home: Path, data: bytes) -> None:
    """Import a secret key without passphrase into a GNUPGHOME; refuses one that cannot sign unattended."""
    with tempfile.TemporaryDirectory(prefix="ostree-release-") as place, no_agent_left(Path(place)):
        _run(*_command(Path(place)), *_UNATTENDED, "--import", given=data)
        _run(*_command(Path(place)), *_UNATTENDED, "--sign", given=b"test")
    with no_agent_left(home):
        _run(*_command(home), *_UNATTENDED, "--import", given=data)


def forget(home: Path, fingerprint: str) -> None:
    """Delete a key from a GNUPGHOME, with its secret part."""
    with no_agent_left(home):
        _run(*_command(home), *_UNATTENDED, "--yes", "--delete-secret-and-public-key", fingerprint)


def public(data: bytes, wanted: Iterable[str]) -> bytes:
    """Return the public parts of some of the keys in OpenPGP data, as gpg exports them.

    + wanted: fingerprints; none at all gives nothing
    """
    with tempfile.TemporaryDirectory(prefix="ostree-release-") as place, no_agent_left(Path(place)):
        home = Path(place)
        _run(*_command(home), *_UNATTENDED, "--import", given=data)
        return b"".join(_run(*_command(home), "--export", each) for each in sorted(wanted))


def described(data: bytes) -> tuple[list[Key], bool]:
    """Return the primary keys in OpenPGP data, and whether a secret part is among them."""
    with tempfile.TemporaryDirectory(prefix="ostree-release-") as place:
        listing = _gpg(Path(place), "--no-autostart", "--show-keys", given=data)
    secret = _parsed(listing, "sec")
    return [*_parsed(listing, "pub"), *secret], bool(secret)


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


def sign(data: bytes, fingerprint: str, home: Path) -> bytes:
    """Return the binary signature of some bytes by the key with that fingerprint in a GNUPGHOME."""
    options = ("--quiet", "--local-user", f"{fingerprint}!", "--detach-sign", "--output", "-")
    done = _started(*_command(home), *options, given=data)
    if done.returncode:
        raise Refused(f"signing with {fingerprint}: {_last_line(done.stderr) or 'gpg failed'}")
    return done.stdout


def signers(data: bytes, signature: bytes, public_keys: Sequence[Path]) -> frozenset[str]:
    """Return the fingerprints of primary keys in some files by which a signature of some bytes is good."""
    with tempfile.TemporaryDirectory(prefix="ostree-release-") as place:
        file = Path(place) / "signature"
        file.write_bytes(signature)
        keyrings = [f"--keyring={path}" for path in public_keys]
        keyring = ("--no-default-keyring", *keyrings, "--trust-model", "always")
        options = ("--no-autostart", *keyring, "--status-fd", "1", "--verify", str(file), "-")
        # A signature that is not good is an answer, not a failure.
        said_of_it = _started(*_command(Path(place)), *options, given=data).stdout.decode(errors="replace")
        words = [line.split()[1:] for line in said_of_it.splitlines() if line.startswith("[GNUPG:] ")]
    said = {each[0] for each in words if each}
    if not said & _GOOD or "BADSIG" in said:
        return frozenset()
    return frozenset(
        each[-1] for each in words if each and each[0] == "VALIDSIG"
    )  # the primary key comes last


def _parsed(listing: str, kind: str) -> list[Key]:
    """Return the primary keys of a colon listing (gnupg, doc/DETAILS); refuses one that ends in the middle.

    + kind: `pub` or `sec`
    """
    found: list[Key] = []
    record: list[str] | None = None  # of the primary key, until one of its other keys comes
    for line in listing.splitlines():
        fields = line.split(":")
        if fields[0] in _READ and len(fields) < 10:
            raise Refused(f"gpg printed a record that ends in the middle: {line!r}")
        if fields[0] in ("pub", "sec", "sub", "ssb"):
            record = fields if fields[0] == kind else None
        elif fields[0] == "fpr" and record:
            expires = int(record[6]) if record[6].isdecimal() else None
            found.append(Key(fields[9], "", expires, record[1] not in ("e", "r", "d", "i")))
        elif fields[0] == "grp" and record and found:
            found[-1] = replace(found[-1], grip=fields[9])
        elif fields[0] == "uid" and found and not found[-1].name:
            found[-1] = replace(found[-1], name=fields[9])
    return found


def _command(home: Path) -> tuple[str, ...]:
    return ("gpg", "--homedir", str(home), "--batch")


def _gpg(home: Path, *arguments: str, given: bytes = b"") -> str:
    return _run(*_command(home), "--with-colons", *arguments, given=given).decode(errors="replace")


def _run(*command: str, given: bytes = b"") -> bytes:
    done = _started(*command, given=given)
    if done.returncode:
        reason = _last_line(done.stderr) or f"exit status {done.returncode}"
        raise Refused(f"{command[0]} with {command[2]}: {reason}")
    return done.stdout


def _started(*command: str, given: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(command, capture_output=True, check=False, input=given)
    except FileNotFoundError:
        raise Refused(f"{command[0]} is not installed") from None


def _last_line(said: bytes) -> str:
    return said.decode(errors="replace").strip().rpartition("\n")[2]
