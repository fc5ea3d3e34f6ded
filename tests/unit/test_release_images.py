"""What is read from an image's files: accounts, capabilities, what rpm and rpm-ostree print."""

from __future__ import annotations

import struct

import pytest

from ostree_release.account_list import GROUP, USER
from ostree_release.answers import FAIL, Finding
from ostree_release.composing import kept_with_builds
from ostree_release.errors import Refused
from ostree_release.images import accounts, capabilities, rpmdb
from ostree_release.images.accounts import Shift
from ostree_release.model import Package
from ostree_release.text import size
from tests.recorded.composes import recorded_compose


def test_accounts_of_passwd_and_group() -> None:
    text = "root:x:0:0:root:/root:/bin/bash\n# a comment\n\nbroken\n:x:1:\nnone:x::\ntool:x:901:\n+nis\n"
    assert dict(accounts.of_database(text)) == {"root": 0, "tool": 901}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('u tool 901 "The tool" /var /sbin/nologin', {(USER, "tool"): 901, (GROUP, "tool"): 901}),
        ("u! tool 901", {(USER, "tool"): 901, (GROUP, "tool"): 901}),
        ("u tool 901:users -", {(USER, "tool"): 901}),
        ("g tool 33", {(GROUP, "tool"): 33}),
        ("u tool - -", {}),
        ("u tool /usr/bin/tool", {}),
        ("m tool 901", {}),
        ("r - 500-900", {}),
        ("# u tool 901", {}),
        ('u tool 901 "unfinished', {}),
        ("u tool", {}),
        ("", {}),
    ],
)
def test_accounts_of_sysusers(line: str, found: dict[tuple[str, str], int]) -> None:
    assert dict(accounts.of_sysusers(line)) == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('u tool 901 "The tool" /var /sbin/nologin', [(USER, "tool"), (GROUP, "tool")]),
        ("u tool", [(USER, "tool"), (GROUP, "tool")]),
        ("u! tool -", [(USER, "tool"), (GROUP, "tool")]),
        ("u tool /usr/bin/tool", [(USER, "tool"), (GROUP, "tool")]),
        ("u tool 901:users -", [(USER, "tool")]),
        ("u tool -:users -", [(USER, "tool")]),
        ("\tg  tool  -  ", [(GROUP, "tool")]),
        ("m tool wheel", [(USER, "tool"), (GROUP, "wheel")]),
        ("m tool", [(USER, "tool")]),
        ('u "tool" - "a # b"', [(USER, "tool"), (GROUP, "tool")]),
        ("u 'to%%ol' -", [(USER, "to%ol"), (GROUP, "to%ol")]),
        ("u tool-%m -", []),
        ("g %%%b -", []),
        ("r - 500-900", []),
        ("  # u tool 901", []),
        ('u tool 901 "unfinished', []),
        ("u", []),
        ("x tool -", []),
        ("", []),
    ],
)
def test_who_is_declared_in_sysusers(line: str, found: list[tuple[str, str]]) -> None:
    assert list(accounts.declared(f"# first\n{line}\n")) == found


def test_shifts_are_of_accounts_that_both_have() -> None:
    old = {(USER, "a"): 1, (USER, "gone"): 2, (GROUP, "a"): 1}
    new = {(USER, "a"): 3, (USER, "new"): 2, (GROUP, "a"): 1}
    assert accounts.shifts(old, new) == (Shift(USER, "a", 1, 3),)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0), "cap_net_raw=ep"),
        (
            struct.pack("<IIIIII", 0x03000001, 1 << 13 | 1 << 10, 0, 0, 0, 1000),
            "cap_net_bind_service,cap_net_raw=ep",
        ),
        (struct.pack("<IIIII", 0x02000000, 1 << 7, 1 << 6, 1 << 7, 0), "cap_setgid=i cap_setuid,cap_bpf=p"),
        (struct.pack("<III", 0x01000001, 1, 1), "cap_chown=eip"),
        (struct.pack("<IIIII", 0x02000001, 0, 0, 1 << 31, 0), "cap_63=ep"),
        (struct.pack("<IIIII", 0x02000001, 0, 0, 0, 0), "none"),
        (b"\1\2", "0x0102"),
        (struct.pack("<I", 0x09000000), "0x00000009"),
        (b"", "0x"),
    ],
)
def test_capabilities(value: bytes, words: str) -> None:
    assert capabilities.words(value) == words


def test_what_rpm_lists() -> None:
    output = (
        "hello\t0\t1.0\t1\tx86_64\tFedora\tProject\n"
        "gpg-pubkey\t0\tabc\t123\t(none)\t(none)\n"
        "tool\t2\t5.0\t1.lab\tnoarch\t(none)\n"
    )
    hello, tool = rpmdb.parse(output)
    assert hello == rpmdb.Installed(Package("hello", "0", "1.0", "1", "x86_64"), "Fedora\tProject")
    assert (tool.package.nevra, tool.vendor) == ("tool-2:5.0-1.lab.noarch", None)
    assert rpmdb.unlike([hello, tool], [hello.package]) == ({tool.package}, set())


def test_a_package_with_a_field_of_several_lines_is_refused() -> None:
    forged = "hello\t0\t1.0\t1\tx86_64\tVendor\nof two lines\n"
    with pytest.raises(Refused, match="field of several lines: 'of two lines'"):
        rpmdb.parse(forged)


def test_a_name_in_an_image_cannot_look_like_another_line() -> None:
    finding = Finding("removed:a\nb", FAIL, "removed \x1b[2Ka\u2028b")
    assert (finding.id, finding.line) == ("removed:a\\nb", "removed \\x1b[2Ka\\u2028b")


def test_where_packages_came_from_is_what_rpm_ostree_lists() -> None:
    found = kept_with_builds.listed(recorded_compose("compose-first").stdout)
    assert len(found) == 10
    assert found["tool-b-1:2.0-1.fc42.noarch"] == "fedora"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1.7 * 2**30, "1.7 GiB"),
        (2**51, "2048.0 TiB"),
    ],
)
def test_size(number: float, words: str) -> None:
    assert size(number) == words
