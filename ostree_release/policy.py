"""Which gates there are and their thresholds: one table for the laptop's settings and the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .answers import ANSWERS, FAIL, NEEDS_APPROVAL, PASS, WARN

RULE_ANSWERS = (PASS, WARN, NEEDS_APPROVAL)


@dataclass(frozen=True)
class Threshold:
    """One value that can be set: its default, what is allowed, and how that is said after "must be"."""

    default: Any
    allowed: Callable[[object], bool]
    words: str


@dataclass(frozen=True)
class Problem:
    """A value that is not allowed; path: the keys that lead to it."""

    path: tuple[str, ...]
    value: object
    words: str


@dataclass(frozen=True)
class Policy:
    """What is in force for one environment.

    gates: the thresholds of every gate that is on, by gate; approval_days: how long an approval holds;
    by_another: whether who composed a build may not approve it.
    """

    gates: Mapping[str, Mapping[str, Any]]
    approval_days: int
    by_another: bool

    def as_json(self) -> dict[str, Any]:
        """Return it as the configuration has it, with every default filled in."""
        return {
            "gates": {name: dict(self.gates[name]) if name in self.gates else False for name in GATES},
            "approval": {"days": self.approval_days, "by_another": self.by_another},
        }


def _answer(default: str, answers: tuple[str, ...] = RULE_ANSWERS) -> Threshold:
    words = "one of " + ", ".join(repr(answer) for answer in answers)
    return Threshold(default, lambda value: value in answers, words)


def _number(default: int, lowest: int, highest: int) -> Threshold:
    def allowed(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest

    return Threshold(default, allowed, f"a whole number from {lowest} to {highest}")


def _switch(default: bool) -> Threshold:
    return Threshold(default, lambda value: isinstance(value, bool), "True or False")


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
_APPROVAL: dict[str, Threshold] = {"days": _number(14, 1, 366), "by_another": _switch(False)}


def read(gates: object, approval: object) -> tuple[Policy, list[Problem]]:
    """Return the policy that settings describe, with defaults filled in, and every problem with them.

    gates: gate -> thresholds that differ from the default, or False for a gate that is off.
    """
    problems: list[Problem] = []
    effective: dict[str, Mapping[str, Any]] = {}
    chosen = _checked(("gates",), gates, GATES, problems)
    for name, thresholds in GATES.items():
        given = chosen.get(name, {})
        if given is False:
            continue
        effective[name] = _filled(("gates", name), given, thresholds, problems)
    times = _filled(("approval",), approval, _APPROVAL, problems)
    return Policy(effective, times["days"], times["by_another"]), problems


def _checked(
    path: tuple[str, ...], given: object, known: Mapping[str, object], problems: list[Problem]
) -> Mapping[str, object]:
    if not isinstance(given, Mapping):
        words = "a dictionary" + (", or False to switch the gate off" if len(path) > 1 else "")
        problems.append(Problem(path, given, words))
        return {}
    for key in given:
        if key not in known:
            there = ", ".join(known) or "none"
            problems.append(Problem((*path, str(key)), given[key], f"left out: there are only {there}"))
    return {key: value for key, value in given.items() if key in known}


def _filled(
    path: tuple[str, ...], given: object, thresholds: Mapping[str, Threshold], problems: list[Problem]
) -> dict[str, Any]:
    values = {name: threshold.default for name, threshold in thresholds.items()}
    for name, value in _checked(path, given, thresholds, problems).items():
        if thresholds[name].allowed(value):
            values[name] = value
        else:
            problems.append(Problem((*path, name), value, thresholds[name].words))
    return values
