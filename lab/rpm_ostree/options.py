"""Options as rpm-ostree takes them: long ones, few short ones, values joined by `=` or following."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lab.rpm_ostree.errors import FailedError


@dataclass(frozen=True)
class Options:
    """What one command takes: switches, options with a value, short names, and how many arguments at most."""

    flags: Sequence[str] = ()
    values: Sequence[str] = ()
    short: Mapping[str, str] = field(default_factory=dict)
    most: int = 0


@dataclass
class Given:
    """What was given to a command."""

    flags: set[str] = field(default_factory=set)
    values: dict[str, list[str]] = field(default_factory=dict)
    positional: list[str] = field(default_factory=list)


def parse(options: Options, argv: Sequence[str]) -> Given:
    """Sort a command's arguments; an option that is not implemented is an error."""
    given = Given()
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            given.positional.append(word)
            continue
        text, joined, value = word.partition("=")
        name = options.short.get(text) or (text[2:] if text.startswith("--") else "")
        if name in options.flags and not joined:
            given.flags.add(name)
        elif name in options.values:
            if not joined:
                if not rest:
                    raise FailedError(f"Missing argument for {text}")
                value = rest.pop(0)
            given.values.setdefault(name, []).append(value)
        else:
            raise FailedError(f"Unknown option {text}")
    if len(given.positional) > options.most:
        raise FailedError(f"usage error: unexpected argument: {given.positional[options.most]}")
    return given
