"""Version names, the order of RPM versions, package differences."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostree_release import versions
from ostree_release.errors import Refused
from ostree_release.images.pkglist import counts, diff, order, version_order
from ostree_release.model import Package


@pytest.mark.parametrize("version", ["44.20251101.0", "_x", "a-b_c.rc12", "0", "x" * 100])
def test_legal_versions(version: str) -> None:
    assert versions.check(version) == version


@pytest.mark.parametrize(
    "version", ["", ".4", "-4", "a/b", "a b", "a+b", "a~b", "ä", "4\n", "a:b", "x" * 101, "44.1.r2"]
)
def test_illegal_versions(version: str) -> None:
    with pytest.raises(Refused, match="version"):
        versions.check(version)


def test_next_build() -> None:
    day = date(2026, 1, 2)
    assert versions.next_build("44", day, []) == "44.20260102.0"
    taken = ["44.20260102.0", "44.20260102.10", "44.20260101.99", "43.20260102.50", "44.20260102.x"]
    assert versions.next_build("44", day, taken) == "44.20260102.11"


@given(st.from_regex(versions.LEGAL, fullmatch=True), st.integers(1, 10**6))
def test_a_release_again_knows_its_content(version: str, serial: int) -> None:
    again = versions.released_again(version, serial)
    assert versions.is_legal(again)
    assert versions.of_content(again, serial) == version


def test_a_version_that_only_looks_released_again() -> None:
    assert versions.of_content("44.1.r3", 4) == "44.1.r3"


# Pairs in ascending order, from rpm's own documentation of version comparison, rpm-version(7), and its tests.
Order = list[tuple[int, int, str]]

ASCENDING = [
    ("1.0", "2.0"),
    ("2.0", "2.0.1"),
    ("5.5p1", "5.5p2"),
    ("5.5p1", "5.5p10"),
    ("10xyz", "10.1xyz"),
    ("xyz.4", "8"),
    ("xyz.4", "2"),
    ("5.5p2", "5.6p1"),
    ("1.0~rc1", "1.0"),
    ("1.0~rc1", "1.0~rc2"),
    ("1.0~rc1~git123", "1.0~rc1"),
    ("1.0", "1.0^"),
    ("1.0^git1", "1.0^git2"),
    ("1.0^git1", "1.01"),
    ("1.0^20160101", "1.0.1"),
    ("1.0^20160101^git1", "1.0^20160102"),
    ("1.0~rc1", "1.0~rc1^git1"),
    ("1.0^git1~pre", "1.0^git1"),
    ("1.9", "1.10"),
    ("a", "1"),
]


@pytest.mark.parametrize(("older", "newer"), ASCENDING)
def test_rpm_version_order(older: str, newer: str) -> None:
    assert version_order(older) < version_order(newer)
    assert not version_order(newer) <= version_order(older)


@pytest.mark.parametrize(
    ("left", "right"),
    [("1.0", "1.0"), ("1.001", "1.1"), ("1_0", "1.0"), ("1.0.", "1.0"), ("2.0.1a", "2.0.1a")],
)
def test_rpm_versions_that_are_equal(left: str, right: str) -> None:
    assert version_order(left) == version_order(right)


_VERSIONS = st.text("019az.~^-", max_size=8).map(version_order)


@given(_VERSIONS, _VERSIONS, _VERSIONS)
def test_rpm_version_order_is_an_order(a: Order, b: Order, c: Order) -> None:
    assert (a < b) + (a == b) + (a > b) == 1
    if a <= b <= c:
        assert a <= c


def package(name: str, evr: str, arch: str = "x86_64") -> Package:
    epoch, _, rest = evr.rpartition(":")
    version, _, release = rest.partition("-")
    return Package(name, epoch or "0", version, release, arch)


def test_the_epoch_decides_first() -> None:
    assert order(package("a", "1:1-1")) > order(package("a", "9-9"))
    assert order(package("a", "1-2")) < order(package("a", "1-10"))
    assert package("a", "1:1-1").evr == "1:1-1"
    assert package("a", "0:1-1").evr == "1-1"


def test_diff() -> None:
    old = [package("down", "2-1"), package("gone", "1-1"), package("same", "1-1"), package("up", "1.9-1")]
    new = [package("come", "1-1"), package("down", "1:1-1"), package("same", "1-1"), package("up", "1.10-1")]
    changes = diff(old, new)
    assert changes == {
        "added": [{"name": "come", "new": "1-1"}],
        "removed": [{"name": "gone", "old": "1-1"}],
        "upgraded": [
            {"name": "down", "old": "2-1", "new": "1:1-1"},
            {"name": "up", "old": "1.9-1", "new": "1.10-1"},
        ],
        "downgraded": [],
    }
    assert diff(new, old)["downgraded"][1] == {"name": "up", "old": "1.10-1", "new": "1.9-1"}
    assert counts(changes) == {"added": 1, "removed": 1, "upgraded": 2, "downgraded": 0}


def test_diff_of_packages_installed_more_than_once() -> None:
    old = [
        package("glibc", "1-1"),
        package("glibc", "1-1", "i686"),
        package("kernel", "6-1"),
        package("kernel", "5-1"),
    ]
    new = [
        package("glibc", "2-1"),
        package("glibc", "1-1", "i686"),
        package("kernel", "7-1"),
        package("kernel", "6-1"),
    ]
    assert diff(old, new)["upgraded"] == [
        {"name": "glibc.x86_64", "old": "1-1", "new": "2-1"},
        {"name": "kernel", "old": "5-1", "new": "7-1"},
    ]
