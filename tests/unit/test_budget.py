"""The table of seconds and budgets at the end of a run of tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.budget import Budgets, SecondsPerFile

ROOT = Path(__file__).parents[2]
BUDGETS = Budgets({"tests/slow.py": 10.0, "tests/slower.py": 20.0, "tests/not_run.py": 99.0}, other=1.0)


def report(node: str, when: str, seconds: float) -> pytest.TestReport:
    """Give what one phase of a test reports, as it comes from this process or from a worker."""
    return pytest.TestReport(node, (node, 1, ""), {}, "passed", None, when, duration=seconds)  # type: ignore[arg-type]


def test_the_phases_of_all_tests_of_a_file_are_added_up() -> None:
    plugin = SecondsPerFile(BUDGETS)
    for node in ("tests/slow.py::test_a", "tests/slow.py::Test::test_b[x::y]", "tests/other.py::test_c"):
        for when, seconds in (("setup", 2.0), ("call", 0.5), ("teardown", 0.25)):
            plugin.pytest_runtest_logreport(report(node, when, seconds))
    assert plugin.spent == {"tests/slow.py": 5.5, "tests/other.py": 2.75}


def test_what_took_longest_is_first_and_what_is_over_its_budget_is_marked() -> None:
    spent = {
        "tests/slow.py": 4.0,
        "tests/slower.py": 20.5,
        "tests/a.py": 0.5,
        "tests/b.py": 1.0,
        "tests/c.py": 1.1,
    }
    assert BUDGETS.table(spent) == [
        "seconds  budget  file",
        "   20.5      20  tests/slower.py  <- over its budget",
        "    4.0      10  tests/slow.py",
        "    1.1       1  tests/c.py  <- over its budget",
        "    1.5          2 others, none more than 1",
    ]


def test_every_budget_is_of_a_file_that_is_there() -> None:
    assert [file for file in Budgets.read().files if not (ROOT / file).is_file()] == []
