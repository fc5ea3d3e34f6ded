"""Signing with the user's own gpg: the real one, in a GNUPGHOME of the test's own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.signing import laptop_keys
from tasks.signing.keyring import dearmored, fingerprints, has_secret
from tasks.signing.laptop_keys import LaptopKeyError

pytestmark = pytest.mark.skipif(not shutil.which("gpg"), reason="no gpg on this machine")


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="laptop-") as folder:  # short, because of the agent's sockets
        monkeypatch.setenv("GNUPGHOME", folder)
        yield Path(folder)
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], check=False)


def make(name: str, passphrase: str = "") -> str:
    subprocess.run(
        ["gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", passphrase,
         "--quick-generate-key", name, "ed25519", "sign", "never"],
        check=True,
    )  # fmt: skip
    return fingerprints(exported("--export", name))[0]


def exported(*arguments: str) -> bytes:
    return subprocess.run(["gpg", "--batch", *arguments], check=True, capture_output=True).stdout


def test_a_signature_that_gpg_accepts(home: Path, tmp_path: Path) -> None:
    key = make("me@example.org")
    assert laptop_keys.find(key, [key]) == key
    assert laptop_keys.find("me@example.org", [key, "AB"]) == key
    signature, data = tmp_path / "sig", tmp_path / "data"
    data.write_bytes(b"bytes")
    signature.write_text(laptop_keys.sign(key, b"bytes"))
    subprocess.run(["gpg", "--batch", "--verify", str(signature), str(data)], check=True)


def test_refusals(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = make("me@example.org")
    make("other me@example.org")
    with pytest.raises(LaptopKeyError, match="no secret key AAAA"):
        laptop_keys.find("AAAA", [key])
    with pytest.raises(LaptopKeyError, match="2 secret keys called example"):
        laptop_keys.find("example", [key])
    with pytest.raises(LaptopKeyError, match="clients do not trust key"):
        laptop_keys.find(key, ["AB"])
    with monkeypatch.context() as nothing:
        nothing.setenv("PATH", "/nonexistent")
        with pytest.raises(LaptopKeyError, match="not installed"):
            laptop_keys.find(key, [key])


def test_a_pinentry_that_is_aborted(home: Path) -> None:
    # Else gpg-agent measures for two seconds how often it can hash a passphrase.
    (home / "gpg-agent.conf").write_text("s2k-count 65536\n")
    key = make("me@example.org", passphrase="secret")
    pinentry = home / "pinentry"
    pinentry.write_text(
        "#!/bin/sh\necho OK\nwhile read -r word rest; do case $word in\n"
        "GETPIN) echo 'ERR 83886179 Operation cancelled <Pinentry>';; BYE) echo OK; exit;;\n"
        "*) echo OK;; esac; done\n"
    )
    pinentry.chmod(0o755)
    (home / "gpg-agent.conf").write_text(
        f"pinentry-program {pinentry}\nmax-cache-ttl 0\ndefault-cache-ttl 0\n"
    )
    subprocess.run(["gpgconf", "--kill", "gpg-agent"], check=True)
    with pytest.raises(LaptopKeyError, match=r"nothing was signed: .*cancelled"):
        laptop_keys.sign(key, b"bytes")


def test_armor_and_secrets_are_seen(home: Path) -> None:
    key = make("me@example.org")
    for armor in ((), ("--armor",)):
        public = dearmored(exported(*armor, "--export", key))
        assert fingerprints(public) == [key]
        assert not has_secret(public)
        assert has_secret(dearmored(exported(*armor, "--export-secret-keys", key)))
    with pytest.raises(ValueError, match="armor without its end"):
        dearmored(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc")
