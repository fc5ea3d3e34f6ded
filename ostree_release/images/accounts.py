"""The users and groups that an image brings, with their numbers: files on a machine belong to the numbers."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..account_list import GROUP, USER

if TYPE_CHECKING:
    from ..repository.tree import Tree


_FILES = (
    ("/usr/etc/passwd", USER),
    ("/usr/lib/passwd", USER),
    ("/usr/etc/group", GROUP),
    ("/usr/lib/group", GROUP),
)
_SYSUSERS = ("/usr/lib/sysusers.d", "/usr/etc/sysusers.d")  # a later one's file hides one of the same name
_NAMED = 2  # fields of sysusers.d that a line must have
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
    for _, text in _sysusers(tree):
        for account, number in of_sysusers(text):
            found.setdefault(account, number)
    return found


def missing(tree: Tree) -> Mapping[str, str]:
    """Return who is declared in sysusers.d and has no entry in passwd or group: name -> file, sorted.

    Such a user gets its number on each machine by itself, at boot, and no file of the image can belong to it.
    """
    there = {(kind, name) for path, kind in _FILES for name, _ in of_database(_text(tree, path))}
    found: dict[str, str] = {}
    for path, text in _sysusers(tree):
        for account in declared(text):
            if account not in there:
                found.setdefault(account[1], path)
    return dict(sorted(found.items()))


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
    for kind, name, number in _lines(text):
        first, separator, _ = number.partition(":")
        if not (first.isascii() and first.isdecimal()):
            continue
        if kind == "u":
            yield (USER, name), int(first)
        if kind == "g" or (kind == "u" and not separator):
            yield (GROUP, name), int(first)


def declared(text: str) -> Iterator[tuple[str, str]]:
    """Yield every account that systemd-sysusers makes from a sysusers.d file, with a number or without.

    `u` makes a user, and its group unless it names another one; `m USER GROUP` makes both where they are
    missing; `r` makes nobody (sysusers.d(5)).
    """
    for kind, name, other in _lines(text):
        if kind in ("u", "m"):
            yield USER, name
        if kind == "g" or (kind == "u" and ":" not in other):
            yield GROUP, name
        if kind == "m" and other != "-":
            yield GROUP, other


def _lines(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield type (`u!` as `u`), name and third field of each line of a sysusers.d file."""
    for line in text.splitlines():
        try:
            # Not shlex's own comments, which may begin in the middle of a line.
            fields = [] if line.lstrip().startswith("#") else shlex.split(line)
        except ValueError:  # an unfinished quotation, which systemd-sysusers refuses too
            continue
        if len(fields) < _NAMED:
            continue
        kind, name, third = [*fields, "-"][:3]
        names = (name, third) if kind == "m" else (name,)
        if any("%" in each.replace("%%", "") for each in names):
            continue  # filled in on each machine
        yield kind.rstrip("!"), name.replace("%%", "%"), third.replace("%%", "%")


def _sysusers(tree: Tree) -> Iterator[tuple[str, str]]:
    """Yield path and text of the files in sysusers.d that count; one that is hidden or masked does not."""
    files = {entry.path.rpartition("/")[2]: entry.path for place in _SYSUSERS for entry in tree.names(place)}
    for name, path in sorted(files.items()):
        if name.endswith(".conf"):
            yield path, _text(tree, path)


def _text(tree: Tree, path: str) -> str:
    return (tree.read(path) or b"").decode(errors="replace")
