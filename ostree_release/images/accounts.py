"""The users and groups that an image brings, with their numbers: files on a machine belong to the numbers."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .tree import Tree


USER, GROUP = "user", "group"
_FILES = (
    ("/usr/etc/passwd", USER),
    ("/usr/lib/passwd", USER),
    ("/usr/etc/group", GROUP),
    ("/usr/lib/group", GROUP),
)
_SYSUSERS = "/usr/lib/sysusers.d"
_NUMBER = 2  # the field of passwd and of group

Accounts = Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class Shift:
    """A user or group whose number is another one now."""

    kind: str
    name: str
    old: int
    new: int


def read(tree: Tree) -> Accounts:
    """Return (user or group, name) -> number, from passwd and group, and fixed numbers in sysusers.d.

    Where several files name one, the first counts, as at run time: sysusers.d only makes who is missing.
    """
    found: dict[tuple[str, str], int] = {}
    for path, kind in _FILES:
        for name, number in of_database(_text(tree, path)):
            found.setdefault((kind, name), number)
    for entry in tree.names(_SYSUSERS):
        if entry.path.endswith(".conf"):
            for account, number in of_sysusers(_text(tree, entry.path)):
                found.setdefault(account, number)
    return found


def shifts(old: Accounts, new: Accounts) -> tuple[Shift, ...]:
    """Return what is in both with another number, sorted."""
    return tuple(
        Shift(*account, old[account], new[account])
        for account in sorted(old.keys() & new.keys())
        if old[account] != new[account]
    )


def of_database(text: str) -> Iterator[tuple[str, int]]:
    """Yield the names and numbers of a passwd or group file."""
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) > _NUMBER and fields[0] and fields[_NUMBER].isdecimal():
            yield fields[0], int(fields[_NUMBER])


def of_sysusers(text: str) -> Iterator[tuple[tuple[str, str], int]]:
    """Yield the accounts of a sysusers.d file that have a fixed number.

    `u NAME NUMBER` also makes the group of that name; `u NAME NUMBER:GROUP` takes another one.
    """
    for line in text.splitlines():
        try:
            kind, name, number = shlex.split(line, comments=True)[:3]
        except ValueError:  # an unfinished quotation, or fewer fields: no number either
            continue
        first, separator, _ = number.partition(":")
        if not first.isdecimal():
            continue
        if kind.rstrip("!") == "u":
            yield (USER, name), int(first)
        if kind == "g" or (kind.rstrip("!") == "u" and not separator):
            yield (GROUP, name), int(first)


def _text(tree: Tree, path: str) -> str:
    return (tree.read(path) or b"").decode(errors="replace")
