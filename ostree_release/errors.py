"""The exceptions that end a command: what they carry is what the user reads."""

from __future__ import annotations

from dataclasses import dataclass


class Refused(Exception):  # noqa: N818 - the word the user sees
    """Something was refused or failed; carries the lines to show, one per problem."""

    status = 1

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines

    def __str__(self) -> str:
        return "; ".join(self.lines)


class Busy(Refused):
    """Somebody else holds the lock: the same command may succeed later."""

    status = 75  # EX_TEMPFAIL of sysexits.h


class Stopped(Exception):  # noqa: N818 - what happened, in the user's word
    """A signal ended the command; not a Refused, because the step under way may well have been made."""

    status = 1


@dataclass(frozen=True)
class Problem:
    """A value that is not allowed.

    + path: the keys that lead to it
    + words: what it must be
    """

    path: tuple[str, ...]
    value: object
    words: str

    def __str__(self) -> str:
        return f"{'.'.join(self.path)}: {self.value!r}: must be {self.words}"


class NotAllowed(ValueError):  # noqa: N818 - what the values are
    """Values that are not allowed, or not together; carries every problem."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*map(str, problems))
        self.problems = problems
