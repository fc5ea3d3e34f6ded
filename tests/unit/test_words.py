"""How ages, differences and tables read, and how the fleet's clients are judged."""

from __future__ import annotations

import pytest

from tasks.client.fleet import client_lines, server_lines, unknown
from tasks.client.words import age, difference, package_lines, table
from tasks.releases.promote import plan_lines, result_line
from tests.plan.fleet import LOG, PLAN, STATUS


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "less than a minute"),
        (59, "less than a minute"),
        (60, "1 minute"),
        (7199, "1 hour"),
        (7200, "2 hours"),
        (86400, "1 day"),
        (10 * 86400, "10 days"),
    ],
)
def test_age(seconds: int, said: str) -> None:
    assert age(1000, now=1000 + seconds) == said


def test_difference() -> None:
    assert difference(None) == "-"
    assert difference({"added": 0, "removed": 0, "upgraded": 0, "downgraded": 0}) == "same packages"
    assert difference({"added": 1, "removed": 0, "upgraded": 3, "downgraded": 0}) == "3 upgraded, 1 added"


def test_package_lines_name_every_kind() -> None:
    one = [{"name": "n", "old": "1", "new": "2"}]
    lines = package_lines({"upgraded": one, "downgraded": one, "added": one, "removed": one})
    assert [" ".join(line.split()) for line in lines] == [
        "upgraded n 1 -> 2",
        "downgraded n 1 -> 2",
        "added n 2",
        "removed n 1",
    ]


def test_table_is_aligned_and_has_no_trailing_spaces() -> None:
    assert table(["a", "b"], [["long", ""], ["x", "y"]]) == ["a     b", "long", "x     y"]


def test_a_repair_says_what_it_repairs() -> None:
    lines = plan_lines({**PLAN, "outcome": "repair", "repairs": ["signature of 44.3 was missing"]})
    assert lines[0].startswith("prod/pilot already has 44.3")
    assert lines[1:] == ["  repair signature of 44.3 was missing"]


def test_after_the_last_ring_there_is_no_next_one() -> None:
    line = result_line({"status": STATUS, "log": LOG}, "prod", "stable")
    assert "promoted by alice" in line
    assert "promote.py" not in line


def test_a_result_that_cannot_be_read_does_not_hide_that_it_is_done() -> None:
    for answer in ({"error": "no"}, {"status": {"error": "no"}, "log": LOG}):
        assert result_line(answer, "prod", "pilot").startswith("prod/pilot: promoted, but")


def test_a_server_that_refuses_is_shown_with_its_reason() -> None:
    assert server_lines("server", {"error": "not installed"}) == ["server: not installed"]
    assert client_lines([]) == []
    row = client_lines([unknown("gone", "not reached", "unreachable")])[1]
    assert row.split() == ["gone", "-", "unreachable", "-", "-", "-", "-", "not", "reached"]
