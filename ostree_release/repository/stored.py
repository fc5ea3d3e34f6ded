"""Objects as they lie in a repository on this machine: what a tree is made of, and whether it is sound."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..parallel import on_all_cores
from .objects import Name, Object, checksum, names

_PIECE = 1 << 20  # bytes read at a time
MISSING = "missing"
DAMAGED = "damaged"


class Root(NamedTuple):
    """A tree, and the repository that it lies in."""

    repository: Path
    name: Name


@dataclass
class Reached:
    """What a tree is made of.

    + objects: with the path where each was met first
    + faults: what is wrong with directories' lists, below which nothing is known
    """

    objects: dict[Object, str] = field(default_factory=dict)
    faults: dict[Object, str] = field(default_factory=dict)


def reached(root: Root, before: Root | None = None) -> Reached:
    """Return the objects of a tree, or those that another one has not in the same place.

    Directories whose lists are the same are not read then, so that the time goes with what changed.
    """
    found = Reached()
    waiting = [("/", root.name, before.name if before else None)]
    while waiting:
        path, now, was = waiting.pop()
        new = [
            each for each in now.objects if each not in found.objects and not (was and each in was.objects)
        ]
        found.objects.update(dict.fromkeys(new, path))
        if now.meta is None or Object(now.content, "dirtree") not in new:
            continue
        try:
            listed = _listed(root.repository, now)
        except (OSError, ValueError) as error:
            missing = isinstance(error, FileNotFoundError)
            found.faults[Object(now.content, "dirtree")] = MISSING if missing else DAMAGED
            continue
        known = {each.name: each for each in _known(before, was)}
        folder = path.rstrip("/")
        waiting.extend((f"{folder}/{each.name}", each, known.get(each.name)) for each in reversed(listed))
    return found


def listed(repository: Path, wanted: Iterable[Object]) -> dict[Object, int | None]:
    """Return when each object's file was changed last (ns since 1970), None where there is none."""
    there = {
        f"objects/{folder.name}/{file.name}": file
        for folder in os.scandir(repository / "objects")
        if folder.is_dir()
        for file in os.scandir(folder.path)
    }
    files = {each: there.get(each.path) for each in wanted}
    return {each: file and file.stat(follow_symlinks=False).st_ctime_ns for each, file in files.items()}


def faults(repository: Path, wanted: Sequence[Object]) -> dict[Object, str]:
    """Read objects, and return what is wrong with those that are not sound."""

    def read(share: Sequence[Object]) -> Iterator[tuple[str, str, str]]:
        for each in share:
            what = fault(repository / each.path, each)
            if what:
                yield each.checksum, each.kind, what

    return {Object(named, kind): what for named, kind, what in on_all_cores(read, wanted)}


def fault(path: Path, wanted: Object) -> str | None:
    """Return what is wrong with an object in a file, or None where it is sound."""
    try:
        with path.open("rb", buffering=0) as file:
            found = checksum(wanted.kind, iter(lambda: file.read(_PIECE), b""))
    except FileNotFoundError:
        return MISSING
    except (OSError, ValueError):
        return DAMAGED
    return None if found == wanted.checksum else DAMAGED


def _listed(repository: Path, folder: Name) -> list[Name]:
    """Return what is in a directory; raises ValueError or OSError where its list cannot be believed."""
    with open(f"{repository}/{Object(folder.content, 'dirtree').path}", "rb", buffering=0) as file:
        content = file.read()
    if checksum("dirtree", [content]) != folder.content:
        raise ValueError(folder.content)
    return list(names(content))


def _known(before: Root | None, folder: Name | None) -> list[Name]:
    """Return what a directory of the other tree has; nothing where that cannot be read: all counts as new."""
    if before is None or folder is None or folder.meta is None:
        return []
    try:
        return _listed(before.repository, folder)
    except (OSError, ValueError):
        return []
