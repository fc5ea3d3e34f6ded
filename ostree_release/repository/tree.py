"""The files of a commit, read from its repository: a checkout would lose owners, modes and attributes."""

from __future__ import annotations

import posixpath
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import Refused
from .libostree import OSTree, refusing
from .objects import names

_PIECE = 1 << 20  # bytes
_MANY_LINKS = 40  # as the kernel: more is a loop


@dataclass(frozen=True)
class Attributes:
    """What one object says of a file or directory.

    + mode: with the type's bits
    + size: in bytes
    """

    mode: int
    uid: int
    gid: int
    size: int = 0
    target: str | None = None
    xattrs: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """One name in a tree; path begins with /.

    + content: the checksum of the file, or of the directory's list of names
    + meta: of a directory's attributes
    """

    path: str
    content: str
    meta: str | None = None

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.meta is not None

    @property
    def objects(self) -> tuple[tuple[str, str], ...]:
        """Return (kind, checksum) of the objects it is made of; kinds as the repository's files end."""
        if self.meta is None:
            return (("file", self.content),)
        return (("dirtree", self.content), ("dirmeta", self.meta))


class Tree:
    """The tree of one commit; every object is read once."""

    def __init__(self, repo: Any, checksum: str) -> None:
        """Find the root of a commit in an open libostree repository; refuses one that cannot be read."""
        self._repo = repo
        self._names: dict[str, tuple[Entry, ...]] = {}
        self._attributes: dict[str, Attributes] = {}
        self._xattrs: dict[bytes, Mapping[str, bytes]] = {}
        with refusing(f"commit {checksum}"):
            variant = repo.load_variant(OSTree.ObjectType.COMMIT, checksum)[1]
        self.root = Entry("/", _hex(variant, 6), _hex(variant, 7))

    def children(self, directory: Entry) -> tuple[Entry, ...]:
        """Return what is in a directory, sorted by name; refuses one that cannot be read."""
        prefix = directory.path.rstrip("/")
        return tuple(
            Entry(f"{prefix}/{each.path}", each.content, each.meta) for each in self.listed(directory)
        )

    def listed(self, directory: Entry) -> tuple[Entry, ...]:
        """Return what is in a directory, sorted, with names for paths; refuses one that cannot be read."""
        if directory.content not in self._names:
            with refusing(directory.path):
                variant = self._repo.load_variant(OSTree.ObjectType.DIR_TREE, directory.content)[1]
            try:
                found = [Entry(*each) for each in names(_bytes(variant))]
            except ValueError as error:
                raise Refused(f"{directory.path}: the list of what is in it is damaged: {error}") from error
            self._names[directory.content] = tuple(sorted(found, key=lambda entry: entry.path))
        return self._names[directory.content]

    def attributes(self, entry: Entry) -> Attributes:
        """Return the attributes of a file or directory; refuses one that cannot be read."""
        checksum = entry.meta or entry.content
        if checksum not in self._attributes:
            with refusing(entry.path):
                self._attributes[checksum] = (
                    self._read_file(checksum) if entry.meta is None else self._read_meta(checksum)
                )
        return self._attributes[checksum]

    def walk(self, start: Entry | None = None) -> Iterator[Entry]:
        """Yield a directory (the root) and then everything below it."""
        waiting = [start or self.root]
        while waiting:
            entry = waiting.pop()
            yield entry
            if entry.is_directory:
                waiting.extend(reversed(self.children(entry)))

    def find(self, path: str) -> Entry | None:
        """Return what is at a path once every symbolic link is followed, or None where that leads nowhere."""
        for _ in range(_MANY_LINKS):
            path = posixpath.normpath(f"/{path}").replace("//", "/")
            entry: Entry | None = self.root
            names = [name for name in path.split("/") if name]
            for index, name in enumerate(names):
                entry = self._child(entry, name)
                target = self.attributes(entry).target if entry and not entry.is_directory else None
                if entry and target is not None:
                    path = posixpath.join(posixpath.dirname(entry.path), target, *names[index + 1 :])
                    break
            else:
                return entry
        return None

    def names(self, path: str) -> tuple[Entry, ...]:
        """Return what is in the directory at a path; nothing where there is no directory."""
        entry = self.find(path)
        return self.children(entry) if entry and entry.is_directory else ()

    def read(self, path: str) -> bytes | None:
        """Return the content of the file at a path, or None where there is none."""
        entry = self.find(path)
        return None if entry is None or entry.is_directory else self.content(entry)

    def has_content(self, path: str) -> bool:
        """Say whether there is a file at a path that is not empty."""
        entry = self.find(path)
        return entry is not None and not entry.is_directory and self.attributes(entry).size > 0

    def content(self, entry: Entry) -> bytes:
        """Return the content of a file; refuses what is not a regular file or cannot be read."""
        return b"".join(self.pieces(entry))

    def pieces(self, entry: Entry) -> Iterator[bytes]:
        """Yield the content of a file piece by piece; refuses as `content` does."""
        if not stat.S_ISREG(self.attributes(entry).mode):
            raise Refused(f"{entry.path}: is not a regular file")
        with refusing(entry.path):
            stream = self._repo.load_file(entry.content, None)[1]
            while piece := stream.read_bytes(_PIECE, None).get_data():
                yield piece
            stream.close(None)

    def _child(self, directory: Entry | None, name: str) -> Entry | None:
        if directory is None or not directory.is_directory:
            return None
        found = next((entry for entry in self.listed(directory) if entry.path == name), None)
        return found and Entry(f"{directory.path.rstrip('/')}/{name}", found.content, found.meta)

    def _read_file(self, checksum: str) -> Attributes:
        _, _, info, xattrs = self._repo.load_file(checksum, None)
        return Attributes(
            mode=info.get_attribute_uint32("unix::mode"),
            uid=info.get_attribute_uint32("unix::uid"),
            gid=info.get_attribute_uint32("unix::gid"),
            size=info.get_size(),
            target=info.get_symlink_target() if info.get_is_symlink() else None,
            xattrs=self._read_xattrs(xattrs),
        )

    def _read_meta(self, checksum: str) -> Attributes:
        variant = self._repo.load_variant(OSTree.ObjectType.DIR_META, checksum)[1]
        uid, gid, mode = (_native(variant.get_child_value(index).get_uint32()) for index in range(3))
        return Attributes(mode=mode, uid=uid, gid=gid, xattrs=self._read_xattrs(variant.get_child_value(3)))

    def _read_xattrs(self, pairs: Any) -> Mapping[str, bytes]:
        """Return extended attributes; most files have the same few, which take long to unpack."""
        stored = _bytes(pairs)
        if stored not in self._xattrs:
            self._xattrs[stored] = {
                bytes(name).rstrip(b"\0").decode(errors="replace"): bytes(value)
                for name, value in pairs.unpack()
            }
        return self._xattrs[stored]


def differing(
    old: Tree, new: Tree, wanted: Callable[[Entry], bool]
) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Yield (was, is) of every name that differs between two trees, None for one that is not there.

    + wanted: says of what is in the new tree whether it, and what is below it, is asked for
    Directories whose lists of names are the same are not read, so that the time goes with what changed.
    """
    waiting: list[tuple[Entry | None, Entry | None]] = [(old.root, new.root)]
    while waiting:
        was, now = waiting.pop()
        if (was and now and was.objects == now.objects) or (now and not wanted(now)):
            continue
        yield was, now
        if was and now and was.content == now.content:
            continue  # only the directory's own attributes differ
        before = {entry.path: entry for entry in old.children(was)} if was and was.is_directory else {}
        after = {entry.path: entry for entry in new.children(now)} if now and now.is_directory else {}
        for path in sorted(before.keys() | after.keys(), reverse=True):
            waiting.append((before.get(path), after.get(path)))


def _hex(variant: Any, child: int) -> str:
    """Return a checksum among a variant's children; `unpack` would make a list of 32 numbers first."""
    return _bytes(variant.get_child_value(child)).hex()


def _bytes(variant: Any) -> bytes:
    return bytes(variant.get_data_as_bytes().get_data() or b"")


def _native(number: int) -> int:
    """Return a big-endian integer of a directory's attributes as a number."""
    return int.from_bytes(number.to_bytes(4, sys.byteorder), "big")
