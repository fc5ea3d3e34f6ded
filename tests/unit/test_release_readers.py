"""What the server's program makes of other programs that answer badly: a refusal that says what was wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostree_release.composing import treefile
from ostree_release.errors import Refused
from ostree_release.images import rpmdb
from ostree_release.signing import expiry, gpg
from tasks.signing import laptop_keys

PUB = "pub:u:255:22:A2EFBB7499921E5E:1795000000:::u:::scSC:::::ed25519:::0:"


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The programs gpg, rpm-ostree and openssl print the bytes of a file; returns the file."""
    for name in ("gpg", "gpgconf", "gpg-connect-agent", "rpm-ostree", "openssl"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\ncat '{tmp_path}/answer'\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path / "answer"


@pytest.mark.parametrize("listing", ["pub:u:255", f"{PUB}\nfpr:::", "fpr"])
def test_a_list_of_keys_that_is_cut_off_is_refused(answers: Path, listing: str) -> None:
    answers.write_text(listing)
    with pytest.raises(Refused, match="gpg printed a record that ends in the middle"):
        gpg.keys(Path("/public.gpg"))
    answers.write_text("sec:u")
    with pytest.raises(laptop_keys.LaptopKeyError, match="ends in the middle"):
        laptop_keys.find("key", [])


def test_a_gpg_that_does_not_name_the_key_it_made_is_refused(answers: Path, tmp_path: Path) -> None:
    answers.write_text("null")
    with pytest.raises(Refused, match="gpg does not say which key it made"):
        gpg.generate(tmp_path, "name")


def test_only_what_gpg_says_as_its_status_makes_a_signature_good(answers: Path) -> None:
    answers.write_bytes(
        b"GNUPG GOODSIG x\nx VALIDSIG AAAA\n[GNUPG:] GOODSIG B\xff\n[GNUPG:] VALIDSIG x BBBB\n"
    )
    assert gpg.signers(b"data", b"signature", [Path("/public.gpg")]) == {"BBBB"}


@pytest.mark.parametrize("printed", [b"", b"null", b'{"ref": "a', b'{"a":1}{"a":1}', b"{\0}", b"\xff"])
def test_a_treefile_that_rpm_ostree_does_not_print_is_refused(answers: Path, printed: bytes) -> None:
    answers.write_bytes(printed)
    with pytest.raises(
        Refused, match=r"treefile /t\.yaml: (what rpm-ostree printed for it is no JSON|.*no object)"
    ):
        treefile._parsed(Path("/t.yaml"))


def test_a_list_of_packages_that_is_cut_off_is_refused() -> None:
    with pytest.raises(Refused, match="ends in the middle"):
        rpmdb.parse("bash\t0\t5\t1\tx86_64\tFedora\nzl")


def test_a_certificate_that_openssl_says_nothing_of_has_no_date(answers: Path) -> None:
    answers.write_text("null\n")
    with pytest.raises(ValueError, match="time data"):
        expiry._expiry(Path("/server.crt"))
