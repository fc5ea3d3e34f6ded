"""Values out of group data, each through its rule, with every problem collected as one line."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from tasks.settings.rules import Parts, Rule, Wrong, shown


class SettingsError(Exception):
    """Settings are not usable; `problems` has one line for each reason."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def problem(key: str, value: object, right: str) -> str:
    """One problem's line: the key, its value, what would be right."""
    return f"{key} = {shown(value)}: must be {right}"


def near_miss(name: str, known: Iterable[str]) -> str:
    """The end of a problem's line: the known name that was probably meant, or nothing."""
    # What every setting's name begins with would make all of them look alike.
    names = {each.removeprefix("ostree_"): each for each in known}
    close = difflib.get_close_matches(name.removeprefix("ostree_"), list(names), n=1, cutoff=0.6)
    return f"; did you mean {names[close[0]]}?" if close else ""


def read_values(
    data: Mapping[str, object], rules: Mapping[str, Rule[Any]], label: str, problems: list[str]
) -> dict[str, Any]:
    """Read the values that are there and right; add a problem for each that is wrong.

    + label: how a key is shown, with "{}" in its place
    """
    values: dict[str, Any] = {}
    for key, rule in rules.items():
        if key in data:
            try:
                values[key] = rule(data[key])
            except Wrong as wrong:
                problems.append(problem(label.format(key), data[key], str(wrong)))
            except Parts as parts:
                problems += [label.format(key) + line for line in parts.args]
    return values


def refuse_unknown(data: Mapping[str, object], known: Iterable[str], label: str, problems: list[str]) -> None:
    """Add a problem for each key that is not known."""
    names = sorted(known)
    for key, value in data.items():
        if key not in names:
            line = f"{label.format(shown(key)[1:-1])} = {shown(value)}: there is no such setting"
            problems.append(line + near_miss(str(key), names))
