"""What systemd would load for a unit's name, told from an image's files.

By systemd.unit(5) the first folder that has the name decides, a link to another unit's name is an alias,
a link out of the folders is to the unit itself, and a link to /dev/null or an empty file masks it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..repository.tree import Entry, Tree

# In an image /etc is /usr/etc; the other folders of systemd are empty until a machine runs.
FOLDERS = ("/usr/etc/systemd/system", "/usr/lib/systemd/system")
_MOVED = {"/etc/": "/usr/etc/", "/lib/": "/usr/lib/"}


@dataclass(frozen=True)
class Unit:
    """What a name stands for.

    + name: the unit's own
    + fault: why it cannot be started, None where it can
    """

    name: str
    fault: str | None = None


def load(tree: Tree, name: str, before: tuple[str, ...] = ()) -> Unit:
    """Return what systemd loads for a name.

    + before: the names whose links have led to it
    """
    entry = next(_places(tree, name), None)
    if entry is None:
        return Unit(name, f"there is no {name} in {' or '.join(FOLDERS)}")
    return _follow(tree, entry, name, before)


def every(tree: Tree, name: str) -> tuple[Unit, ...]:
    """Return what a name stands for in each folder that has it; the first one is what systemd loads."""
    return tuple(_follow(tree, entry, name, ()) for entry in _places(tree, name))


def _follow(tree: Tree, entry: Entry, name: str, before: tuple[str, ...]) -> Unit:
    found = tree.attributes(entry)
    if found.target is None:
        masked = not entry.is_directory and not found.size
        return Unit(name, f"{entry.path} is empty, which masks it" if masked else None)
    path = _aim(entry, found.target)
    if path == "/dev/null":
        return Unit(name, f"{entry.path} is a link to {path}, which masks it")
    folder, _, other = path.rpartition("/")
    if other in before:
        return Unit(name, f"{entry.path} is a link in a circle")
    if folder in FOLDERS and other != name:
        return load(tree, other, (*before, name))
    there = tree.has_content(path)
    return Unit(name, None if there else f"{entry.path} is a link to {found.target}, which is not there")


def _places(tree: Tree, name: str) -> Iterator[Entry]:
    for folder in FOLDERS:
        yield from (entry for entry in tree.names(folder) if entry.path.rpartition("/")[2] == name)


def _aim(link: Entry, target: str) -> str:
    """Return the path in the image of what a link leads to on a machine."""
    folder = posixpath.dirname(link.path).replace("/usr/etc/", "/etc/", 1)
    path = posixpath.normpath(posixpath.join(folder, target))
    for there, here in _MOVED.items():
        if path.startswith(there):
            return here + path[len(there) :]
    return path
