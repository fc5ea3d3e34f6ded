"""Which gates there are and their thresholds: one table for the laptop's settings and the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .answers import ANSWERS, FAIL, NEEDS_APPROVAL, PASS, WARN
from .errors import NotAllowed, Problem

RULE_ANSWERS = (PASS, WARN, NEEDS_APPROVAL)


@dataclass(frozen=True)
class Threshold:
    """One value that can be set: its default, what is allowed, and how that is said after "must be"."""

    default: Any
    allowed: Callable[[object], bool]
    words: str


def _answer(default: str, answers: tuple[str, ...] = RULE_ANSWERS) -> Threshold:
    words = "one of " + ", ".join(repr(answer) for answer in answers)
    return Threshold(default, lambda value: value in answers, words)


def _number(default: int, lowest: int, highest: int) -> Threshold:
    def allowed(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest

    return Threshold(default, allowed, f"a whole number from {lowest} to {highest}")


def _is_lists_of_names(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(
        isinstance(group, (list, tuple)) and all(isinstance(name, str) for name in group) for group in value
    )


_YEAR = 366 * 24  # hours

# In the order in which they run and are shown: what is cheap and basic first, the user's own last.
GATES: dict[str, dict[str, Threshold]] = {
    "complete": {},
    "bootable": {
        "btrfs": _answer(NEEDS_APPROVAL, ANSWERS),
        "crypt": _answer(NEEDS_APPROVAL, ANSWERS),
        "lvm": _answer(NEEDS_APPROVAL, ANSWERS),
        "display_manager": _answer(FAIL, ANSWERS),
        "selinux": _answer(FAIL, ANSWERS),
        "bootloader": _answer(FAIL, ANSWERS),
    },
    "diff": {
        "added": _answer(WARN),
        "removed": _answer(NEEDS_APPROVAL),
        "downgraded": _answer(NEEDS_APPROVAL),
        "vendor": _answer(NEEDS_APPROVAL),
        "repository": _answer(WARN),
        "kernel": _answer(WARN),
        "bootloader": _answer(NEEDS_APPROVAL),
        "privileges": _answer(NEEDS_APPROVAL),
        "accounts": _answer(NEEDS_APPROVAL),
        "growth": _answer(NEEDS_APPROVAL),
        "growth_percent": _number(25, 0, 10_000),
        "same_repositories": Threshold(
            [["fedora", "updates", "fedora-updates"]],
            _is_lists_of_names,
            "a list of lists of repository names",
        ),
    },
    "soak": {
        "hours": _number(24, 0, _YEAR),
        "clients": _number(1, 0, 10_000),
        "ring_hours": _number(0, 0, _YEAR),
    },
    "advisories": {
        "critical": _answer(NEEDS_APPROVAL),
        "important": _answer(WARN),
        "moderate": _answer(PASS),
        "low": _answer(PASS),
        "unreadable": _answer(NEEDS_APPROVAL),
    },
    "own": {"timeout_seconds": _number(900, 1, 86_400)},
}


_DAYS = _number(14, 1, 366)


@dataclass(frozen=True)
class Approval:
    """How approvals count: the days that one holds, and whether who composed a build may not approve it."""

    days: int = field(default=_DAYS.default, metadata={"words": _DAYS.words})
    by_another: bool = False

    def __post_init__(self) -> None:
        """Raise NotAllowed for days that are none."""
        if not _DAYS.allowed(self.days):
            raise NotAllowed(Problem(("days",), self.days, _DAYS.words))


@dataclass(frozen=True)
class Policy:
    """What is in force for one environment.

    + gates: every gate's thresholds, or False for a gate that is off; what is not given has its default
    """

    gates: Mapping[str, Any] = field(default_factory=dict)
    approval: Approval = Approval()

    def __post_init__(self) -> None:
        """Fill in defaults; raises NotAllowed for unknown gates and thresholds, and values of no use."""
        problems: list[Problem] = []
        given = _known(("gates",), self.gates, GATES, problems)
        object.__setattr__(
            self, "gates", {name: _filled(name, given.get(name, {}), problems) for name in GATES}
        )
        if problems:
            raise NotAllowed(*problems)

    @property
    def on(self) -> Mapping[str, Mapping[str, Any]]:
        """The thresholds of each gate that is on."""
        return {name: thresholds for name, thresholds in self.gates.items() if thresholds is not False}


def _known(
    path: tuple[str, ...], given: Mapping[str, Any], known: Mapping[str, object], problems: list[Problem]
) -> Mapping[str, Any]:
    there = f"left out: there are only {', '.join(known) or 'none'}"
    problems += [Problem((*path, str(key)), given[key], there) for key in given if key not in known]
    return {key: value for key, value in given.items() if key in known}


def _filled(gate: str, given: object, problems: list[Problem]) -> Mapping[str, Any] | bool:
    path, thresholds = ("gates", gate), GATES[gate]
    values = {name: threshold.default for name, threshold in thresholds.items()}
    if given is False:
        return False
    if not isinstance(given, Mapping):
        problems.append(Problem(path, given, "a dictionary, or False to switch the gate off"))
        return values
    for name, value in _known(path, given, thresholds, problems).items():
        if not thresholds[name].allowed(value):
            problems.append(Problem((*path, name), value, thresholds[name].words))
        values[name] = value
    return values
