"""What each file of tests took, beside what it may take: printed with --durations, asserted nowhere."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

DECLARED = Path(__file__).with_name("budgets.toml")


@dataclass(frozen=True)
class Budgets:
    """Seconds: `files` by their paths from the root, `other` for each file that is not among them."""

    files: Mapping[str, float]
    other: float

    @classmethod
    def read(cls, path: Path = DECLARED) -> Self:
        """Read what is declared."""
        return cls(**tomllib.loads(path.read_text()))

    def table(self, spent: Mapping[str, float]) -> list[str]:
        """Return the lines that set what files took beside what they may take, the longest first.

        Args:
            spent: seconds by file.
        """
        lines = ["seconds  budget  file"]
        quick = {file for file in spent if file not in self.files and spent[file] <= self.other}
        for file in sorted(spent.keys() - quick, key=lambda file: spent[file], reverse=True):
            budget = self.files.get(file, self.other)
            over = "  <- over its budget" if spent[file] > budget else ""
            lines.append(f"{spent[file]:7.1f}  {budget:6g}  {file}{over}")
        if quick:
            seconds = sum(spent[file] for file in quick)
            lines.append(f"{seconds:7.1f}          {len(quick)} others, none more than {self.other:g}")
        return lines


class SecondsPerFile:
    """A plugin of pytest that adds up what every report says, whichever process ran the test."""

    def __init__(self, budgets: Budgets) -> None:
        self.budgets = budgets
        self.spent: defaultdict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count setup, call or teardown of a test for its file."""
        self.spent[report.nodeid.partition("::")[0]] += report.duration

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table."""
        if terminalreporter.config.getoption("durations") is not None and self.spent:
            terminalreporter.section("seconds per file")
            terminalreporter.write_line("\n".join(self.budgets.table(self.spent)))
