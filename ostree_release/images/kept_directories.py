"""What is known of a repository's directories, kept from one run to the next; safe to delete.

It is believed as far as the folder that it lies in: only what this user wrote, and nobody else may write.
Its first line has the format and the SHA-256 of the rest: a line of JSON, and the packed sizes of files.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from .. import files
from .directories import Below, Directories

FORMAT = 1
_MODE = 0o600


class _UnusableError(Exception):
    """Why what is kept is not used."""


def load(path: Path, say: Callable[[str], None]) -> Directories:
    """Return what is known of directories; says why what is there is not used."""
    try:
        return _unpacked(_trusted(path))
    except FileNotFoundError:
        return Directories()
    except OSError as error:
        say(f"{path}: not used, and made again: {error.strerror}")
    except _UnusableError as error:
        say(f"{path}: not used, and made again: {error}")
    return Directories()


def save(
    path: Path, directories: Directories, image: str, others: Iterable[str], say: Callable[[str], None]
) -> None:
    """Keep what is known of an image, and of others what was kept before; says where that cannot be written.

    + image: the list of names of its root; all its objects are sound
    + others: those of the others; nothing else stays, so that the file grows no larger than what all have
    """
    reached = directories.reached(others)
    before = {content: below for content, below in reached.items() if content in directories.kept}
    kept = {**before, **directories.reached([image])}
    if kept.keys() == directories.kept.keys():
        return
    try:
        files.replace(path, _packed(kept, directories.begun), _MODE)
    except OSError as error:
        say(f"{path}: cannot be kept, so the next check takes longer: {error.strerror}")


def _trusted(path: Path) -> bytes:
    """Return the content of a file that this user wrote and nobody else may write."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise _UnusableError("it is no file of this user's")
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise _UnusableError("others may write to it")
        return file.read()


def _packed(known: Mapping[str, Below], read_at: int) -> bytes:
    lists = {
        name: (below.directories, len(below.sizes), below.marked, below.marks)
        for name, below in known.items()
    }
    first = json.dumps({"read_at": read_at, "lists": lists})
    body = b"%s\n%s" % (first.encode(), b"".join(below.sizes for below in known.values()))
    return b"%s\n%s" % (_header(body), body)


def _unpacked(content: bytes) -> Directories:
    header, _, body = content.partition(b"\n")
    if header != _header(body):
        raise _UnusableError("it is damaged, or of another version of this program")
    line, _, sizes = body.partition(b"\n")
    first = json.loads(line)
    known, at = {}, 0
    for name, (directories, length, marked, marks) in first["lists"].items():
        known[name] = Below(directories, sizes[at : at + length], marked, marks)
        at += length
    return Directories(known, first["read_at"])


def _header(body: bytes) -> bytes:
    return json.dumps({"format": FORMAT, "sha256": sha256(body).hexdigest()}).encode()
