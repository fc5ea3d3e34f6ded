"""The --data arguments of a file that is run, parsed in one place before any remote command.

    with Arguments(inventory.get_override_data()) as given:
        to = given.name("to", default="prod")
        reboot = given.switch("reboot")

Leaving the block ends the run with every problem, one line each, if there are any. pyinfra reads the value of
--data as JSON where it can (42.20250106 becomes a number, 0123 becomes 123), so text may need quoting.

Unnecessary once pyinfra declares what a file takes, and hands it over as it was typed (not in 3.10.0).
"""

import json
import shlex
import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import TypeVar, overload

from pyinfra.api.arguments import all_global_arguments
from pyinfra.api.connectors import get_all_connectors

from tasks.settings import rules
from tasks.settings.reader import near_miss
from tasks.settings.rules import Rule, Wrong

T = TypeVar("T")
SWITCHES = {"yes": True, "true": True, "no": False, "false": False}
KINDS = {bool: "true or false", type(None): "nothing", int: "a number", float: "a number", list: "a list"}


class Arguments:
    """What was given with --data; each method takes one argument, and leaving the block refuses the rest.

    + data: name -> value as pyinfra parsed it (inventory.get_override_data())
    """

    def __init__(self, data: Mapping[str, object]) -> None:
        self._data = data
        self._taken: list[str] = []
        self._problems: list[str] = []

    def __enter__(self) -> "Arguments":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            return
        self._refuse_unknown()
        if self._problems:
            raise SystemExit("\n".join(self._problems))

    @overload
    def name(self, argument: str, default: str) -> str: ...
    @overload
    def name(self, argument: str, default: None = None) -> str | None: ...
    def name(self, argument: str, default: str | None = None) -> str | None:
        """Take the name of an environment or a ring."""
        return self._text(argument, rules.component, default)

    def build(self, argument: str) -> str | None:
        """Take a version or a checksum (whole, or its beginning)."""
        words = f"a version or a checksum ({rules.COMPONENT_WORDS})"
        return self._text(argument, rules.matching(rules.COMPONENT, words), None)

    def names(self, argument: str) -> tuple[str, ...]:
        """Take names with commas between them."""
        words = f"names with ',' between them ({rules.COMPONENT_WORDS})"
        listed = rules.matching(rf"{rules.COMPONENT}(,{rules.COMPONENT})*", words)
        found = self._text(argument, listed, None)
        return tuple(found.split(",")) if found else ()

    def package(self, argument: str) -> str | None:
        """Take a package as name-version-release."""
        words = "a package as NAME-VERSION-RELEASE, such as kernel-6.14.0-63.fc44"
        return self._text(argument, rules.matching(r"[A-Za-z0-9_][A-Za-z0-9._+:~^-]*", words), None)

    def need(self, **arguments: str | tuple[str, str] | None) -> None:
        """Note a problem for each of these that was not given; name -> what was read."""
        for name, value in arguments.items():
            wrong = any(name in problem for problem in self._problems)
            if value is None and not wrong:
                self._problems.append(f"--data {name}=...: is needed here")

    def at_most_one(self, arguments: Mapping[str, str | None]) -> tuple[str, str] | None:
        """Return the name and value of the one that was given, if any; several are a problem."""
        found = [(name, value) for name, value in arguments.items() if value is not None]
        if len(found) > 1:
            self._problems.append(f"--data {' and '.join(name for name, _ in found)}: give one of them")
        return found[0] if found else None

    def follows(self, argument: str) -> str | None:
        """Take what a client can follow: "dev", "pilot" or "qa/pilot"."""
        return self._text(argument, rules.follows, None)

    def text(self, argument: str) -> str | None:
        """Take text on one line, for people."""
        return self._text(argument, rules.label, None)

    def program(self, argument: str) -> str | None:
        """Take the path of an executable file on this machine."""
        return self._text(argument, rules.program, None)

    def switch(self, argument: str) -> bool:
        """Take yes, no, true or false."""
        return self._take(argument, _switch, False)

    def _text(self, argument: str, rule: Rule[str], default: str | None) -> str | None:
        def check(value: object) -> str:
            if isinstance(value, str):
                return rule(value)
            typed = rule(_as_typed(argument, value))
            quoted = shlex.quote(f"{argument}={json.dumps(typed)}")
            kind = KINDS.get(type(value), "a dictionary")
            raise Wrong(f"text, and pyinfra reads this as {kind}; type it as: --data {quoted}")

        return self._take(argument, check, default)

    def _take(self, argument: str, check: Callable[[object], T], default: T) -> T:
        self._taken.append(argument)
        if argument not in self._data:
            return default
        try:
            return check(self._data[argument])
        except Wrong as wrong:
            self._problems.append(f"{_shown(argument, self._data[argument])}: must be {wrong}")
            return default

    def _refuse_unknown(self) -> None:
        for key, value in self._data.items():
            if key in self._taken or key.startswith("ostree_") or key in _names_of_pyinfra():
                continue
            takes = ", ".join(sorted(self._taken)) or "none"
            hint = near_miss(key, self._taken) or f"; arguments here: {takes}"
            self._problems.append(f"{_shown(key, value)}: there is no such argument{hint}")


def _switch(value: object) -> bool:
    found = SWITCHES.get(str(value).lower())
    if found is None:
        raise Wrong("yes, no, true or false")
    return found


def _as_typed(argument: str, value: object) -> str:
    """An argument's text as it stands on the command line, because pyinfra keeps only what it read in it."""
    for word in reversed(sys.argv):
        name, equals, text = word.removeprefix("--data=").partition("=")
        if equals and name == argument:
            return text
    return json.dumps(value)


def _shown(argument: str, value: object) -> str:
    text = value if isinstance(value, str) else _as_typed(argument, value)
    text = rules.UNPRINTABLE.sub("?", f"{argument}={text}")
    return f"--data {shlex.quote(text if len(text) <= 80 else text[:77] + '...')}"


@cache
def _names_of_pyinfra() -> set[str]:
    """The data that pyinfra itself reads: for its connectors (ssh_user) and its operations (_sudo)."""
    names = {name for name, _ in all_global_arguments()}
    for connector in get_all_connectors().values():
        names.update(connector.data_cls.__annotations__)
    return names
