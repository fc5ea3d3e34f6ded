"""What a gate answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

PASS, WARN, NEEDS_APPROVAL, FAIL = "pass", "warn", "needs-approval", "fail"
ANSWERS = (PASS, WARN, NEEDS_APPROVAL, FAIL)


def worst(answers: Iterable[str]) -> str:
    """Return the most severe of some answers; pass where there is none."""
    return max(answers, key=ANSWERS.index, default=PASS)


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


@dataclass(frozen=True)
class Finding:
    """One thing that a gate found.

    + id: stable and exact, because an approval names it
    + line: for a person
    """

    id: str
    answer: str
    line: str

    def __post_init__(self) -> None:
        """Escape what is not printable: an image's names are anybody's, and may not look like other lines."""
        for name in ("id", "line"):
            object.__setattr__(self, name, _printable(getattr(self, name)))


@dataclass(frozen=True)
class Outcome:
    """What a gate says: what it found, one line for a person, data for a machine."""

    gate: str
    findings: tuple[Finding, ...]
    line: str
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def answer(self) -> str:
        """The most severe answer of the findings."""
        return worst(finding.answer for finding in self.findings)
