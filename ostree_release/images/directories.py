"""What is below a directory, worked out once for each list of names: its checksum stands for all of it.

So where two images have a directory in common, none of its files is asked again, now or in a later run.
Whether the objects are there and sound no checksum says: the gate `complete` does.
"""

from __future__ import annotations

import stat
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ..errors import Refused
from . import capabilities

if TYPE_CHECKING:
    from ..repository.tree import Attributes, Entry, Tree

PRIVILEGED, WRITABLE, UNLABELLED = 1, 2, 4
_LABEL = "security.selinux"
_FILE = struct.Struct(">32sQ")  # a file's checksum and size


class Below(NamedTuple):
    """What is below a directory; its own attributes are not part of it, nor is where it lies.

    + directories: the lists of names of the directories in it
    + sizes: checksum and size of each file in it, packed
    + marked: checksum -> marks of the files in it that have any
    + marks: of everything below it, together
    """

    directories: Sequence[str]
    sizes: bytes
    marked: Mapping[str, int]
    marks: int


def is_privileged(found: Attributes) -> bool:
    """Say whether a file gives whoever runs it the rights of another, or capabilities."""
    runs_as_another = stat.S_ISREG(found.mode) and found.mode & (stat.S_ISUID | stat.S_ISGID)
    return not stat.S_ISDIR(found.mode) and bool(runs_as_another or capabilities.ATTRIBUTE in found.xattrs)


def may_be_written_by_anybody(found: Attributes) -> bool:
    """Say whether anybody may write to it and nothing keeps them from what others have there."""
    return not stat.S_ISLNK(found.mode) and bool(found.mode & stat.S_IWOTH) and not found.mode & stat.S_ISVTX


def is_unlabelled(found: Attributes) -> bool:
    """Say whether it has no SELinux label."""
    return _LABEL not in found.xattrs


# Where one of these means something else, FORMAT of what is kept goes up.
_MARKS: dict[int, Callable[[Attributes], bool]] = {
    PRIVILEGED: is_privileged,
    WRITABLE: may_be_written_by_anybody,
    UNLABELLED: is_unlabelled,
}


class Directories:
    """What is below the directories of a repository, as far as anybody has asked."""

    def __init__(self, kept: Mapping[str, Below] | None = None, read_at: int = 0) -> None:
        """Begin with what is kept from before.

        + kept: the checksum of a list of names -> what is below
        + read_at: since when all objects of it that have not changed are known to be sound, in ns since 1970
        """
        self.kept = kept or {}
        self.read_at = read_at
        self.begun = time.time_ns()
        self._known: dict[str, Below | None] = dict(self.kept)  # None: something below cannot be read

    def marked(self, tree: Tree, mark: int, start: Entry | None = None) -> Iterator[Entry]:
        """Yield what has a mark of a directory (the root) and what is below it, in the order of `walk`.

        Goes only where there is some; where something cannot be read, until it meets that, and refuses.
        """
        waiting = [start or tree.root]
        while waiting:
            entry = waiting.pop()
            if self._marks(tree, entry) & mark:
                yield entry
            if entry.is_directory and self.may_have(tree, entry, mark):
                waiting.extend(reversed(tree.children(entry)))

    def may_have(self, tree: Tree, entry: Entry, mark: int) -> bool:
        """Say whether a file, or something below a directory, has a mark, or cannot be read."""
        if not entry.is_directory:
            return bool(self._marks(tree, entry) & mark)
        below = self.below(tree, entry)
        return below is None or bool(below.marks & mark)

    def size(self, tree: Tree) -> int | None:
        """Return the sum of the sizes of all different files; None where something cannot be read."""
        if self.below(tree, tree.root) is None:
            return None
        return sum(_sizes(self.reached([tree.root.content]).values()).values())

    def below(self, tree: Tree, directory: Entry) -> Below | None:
        """Return what is below a directory, or None where something cannot be read."""
        begun = set()
        waiting = [directory]
        while waiting:
            entry = waiting[-1]
            unknown = [] if entry.content in begun else self._unknown(tree, entry)
            begun.add(entry.content)
            waiting.extend(unknown)
            if not unknown:
                waiting.pop()
                if entry.content not in self._known:
                    self._known[entry.content] = self._look(tree, entry)
        return self._known[directory.content]

    def reached(self, lists: Iterable[str]) -> dict[str, Below]:
        """Return what is known of directories, by their lists of names, and of those below them."""
        found: dict[str, Below] = {}
        waiting = [*lists]
        while waiting:
            content = waiting.pop()
            below = self._known.get(content)
            if below and content not in found:
                found[content] = below
                waiting.extend(below.directories)
        return found

    def _unknown(self, tree: Tree, entry: Entry) -> list[Entry]:
        """Return the directories in one that has to be looked at of which nothing is known."""
        if entry.content in self._known:
            return []
        try:
            return [
                each for each in tree.listed(entry) if each.is_directory and each.content not in self._known
            ]
        except Refused:
            return []

    def _look(self, tree: Tree, directory: Entry) -> Below | None:
        """Put together what is below a directory from its files and from what is below those in it."""
        directories, sizes, marked, together = [], [], {}, 0
        try:
            for child in tree.listed(directory):
                marks = self._marks(tree, child)
                together |= marks
                if child.is_directory:
                    below = self._known.get(child.content)
                    if below is None:
                        return None
                    directories.append(child.content)
                    together |= below.marks
                else:
                    checksum = bytes.fromhex(child.content)
                    sizes.append(_FILE.pack(checksum, self._files[checksum]))
                    if marks:
                        marked[child.content] = marks
        except Refused:
            return None
        return Below(directories, b"".join(sizes), marked, together)

    def _marks(self, tree: Tree, entry: Entry) -> int:
        """Return what marks a file or a directory itself has; refuses one that cannot be read."""
        if entry.is_directory:
            return _marks(tree.attributes(entry))
        checksum = bytes.fromhex(entry.content)
        if checksum not in self._files:
            attributes = tree.attributes(entry)
            self._marked[entry.content] = _marks(attributes)
            self._files[checksum] = attributes.size
        return self._marked.get(entry.content, 0)

    @cached_property
    def _files(self) -> dict[bytes, int]:
        """The sizes of all files that have been read, by checksum."""
        return _sizes(self.kept.values())

    @cached_property
    def _marked(self) -> dict[str, int]:
        """The marks of those of them that have any."""
        return {checksum: marks for below in self.kept.values() for checksum, marks in below.marked.items()}


def _marks(attributes: Attributes) -> int:
    return sum(mark for mark, has_it in _MARKS.items() if has_it(attributes))


def _sizes(known: Iterable[Below]) -> dict[bytes, int]:
    """Return the sizes of the files in directories, each checksum once."""
    return dict(_FILE.iter_unpack(b"".join(below.sizes for below in known)))
