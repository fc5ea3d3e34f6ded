"""Detached signatures of a few bytes, made and verified with gpg."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..errors import Refused

# What gpg says of a signature that was good when it was made: also by a key that has expired since.
_GOOD = {"GOODSIG", "EXPKEYSIG"}


def sign(data: bytes, fingerprint: str, home: Path) -> bytes:
    """Return the binary signature of some bytes by the key with that fingerprint in a GNUPGHOME."""
    options = ("--batch", "--quiet", "--local-user", f"{fingerprint}!", "--detach-sign", "--output", "-")
    done = _gpg(home, *options, data=data)
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
        options = ("--batch", "--no-autostart", *keyring, "--status-fd", "1", "--verify", str(file), "-")
        said_of_it = _gpg(Path(place), *options, data=data).stdout.decode(errors="replace")
        words = [line.split()[1:] for line in said_of_it.splitlines() if line.startswith("[GNUPG:] ")]
    said = {each[0] for each in words if each}
    if not said & _GOOD or "BADSIG" in said:
        return frozenset()
    return frozenset(
        each[-1] for each in words if each and each[0] == "VALIDSIG"
    )  # the primary key comes last


def _gpg(home: Path, *arguments: str, data: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ("gpg", "--homedir", str(home), *arguments), input=data, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise Refused("gpg is not installed") from None


def _last_line(words: bytes) -> str:
    return words.decode(errors="replace").strip().rpartition("\n")[2]
