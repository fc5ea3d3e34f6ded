"""Whether every object of one commit is there and is what its checksum says: fsck of a single commit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..repo import Repository
from .tree import Entry


@dataclass(frozen=True)
class Unsound:
    """An object that is missing or damaged; path: where it was met first, "commit" for the commit itself."""

    path: str
    kind: str
    checksum: str
    what: str


def unsound(repository: Repository, checksum: str) -> Iterator[Unsound]:
    """Read every object of a commit once and yield those that are missing or damaged.

    What lies below a directory that cannot be read is not known, and so not named.
    """
    what = repository.unsound("commit", checksum)
    if what:
        yield Unsound("commit", "commit", checksum, what)
        return
    tree = repository.tree(checksum)
    read: dict[tuple[str, str], bool] = {}
    waiting: list[Entry] = [tree.root]
    while waiting:
        entry = waiting.pop()
        new = [named for named in entry.objects if named not in read]
        for kind, named in new:
            what = repository.unsound(kind, named)
            read[kind, named] = what is None
            if what:
                yield Unsound(entry.path, kind, named, what)
        # A list of names that was met before has been followed already.
        names = ("dirtree", entry.content)
        if entry.is_directory and names in new and read[names]:
            waiting.extend(reversed(tree.children(entry)))
