"""The stand-in's package differences, against recorded ones, and rpm's order of versions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.rpm_ostree.packages import Package, compare_parts, compose_diff, difference

RECORDED = Path(__file__).parents[1] / "recorded"


def package(name: str, version: str, arch: str = "x86_64") -> Package:
    return Package(name, "0", version, "1.fc42", arch)


FIRST = [package("hello", "1.0"), package("oldtool", "1.0", "noarch"), package("setup", "2")]
SECOND = [package("hello", "1.1"), package("newtool", "1.0", "noarch"), package("setup", "2")]


@pytest.mark.parametrize(("name", "old", "new"), [("changed", FIRST, SECOND), ("downgrade", SECOND, FIRST)])
def test_pkgdiff_is_as_recorded(name: str, old: list[Package], new: list[Package]) -> None:
    recorded = json.loads((RECORDED / f"compose/compose-{name}.composejson.json").read_text())
    assert compose_diff(difference(old, new)) == recorded["pkgdiff"]


def test_lines_are_as_recorded() -> None:
    found = difference(FIRST, SECOND)
    printed = (RECORDED / "client/upgrade.txt").read_text().splitlines()
    assert found.block() == printed[printed.index("Upgraded:") : printed.index("Added:") + 2]
    assert found.counts() == "1 upgraded, 1 removed, 1 added"


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.0", "1.1"),
        ("1.9", "1.10"),
        ("1.0~rc1", "1.0"),
        ("1.0", "1.0^git1"),
        ("1.0^git1", "1.0.1"),
        ("1.0a", "1.0.1"),
        ("1", "1.0"),
        ("a", "1"),
    ],
)
def test_orders_versions_as_rpm_does(older: str, newer: str) -> None:
    assert compare_parts(older, newer) < 0 < compare_parts(newer, older)
    assert compare_parts(newer, newer) == 0


def test_an_epoch_counts_before_the_version() -> None:
    old, new = package("a", "9"), Package("a", "1", "1", "1", "x86_64")
    assert difference([old], [new]).upgraded == [(old, new)]
    assert new.evr == "1:1-1"
