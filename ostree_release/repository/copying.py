"""Copying objects between repositories on this machine: as they are stored, each verified in its copy.

libostree would unpack and pack each anew where the repositories have different owners, on one core.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ..errors import Refused
from ..parallel import on_all_cores
from .objects import Object
from .stored import MISSING, fault

_STAGING = "tmp/copied"  # below the repository: on its file system, and gone with libostree's own leftovers
_SHOWN = 3
_CANNOT_SHARE = (errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


def copy(source: Path, target: Path, wanted: Mapping[Object, str]) -> list[Object]:
    """Copy objects, and return them; refuses by name what is missing or damaged, and copies nothing then.

    + source, target: repositories of mode archive
    + wanted: with the path in the tree where each was met; those that the target has are left out
    """
    lacking = [each for each in wanted if not os.path.exists(f"{target}/{each.path}")]  # noqa: PTH110 - many
    staging = target / _STAGING

    def copied(share: Sequence[Object]) -> Iterator[str]:
        for each in share:
            problem = _copy(source / each.path, staging / each.path, each)
            if problem:
                yield f"object of {wanted[each]} is {problem} ({each.checksum}.{each.kind})"

    try:
        if staging.exists():  # of a run that was interrupted
            shutil.rmtree(staging)
        if not lacking:
            return []
        for folder in _folders(lacking):
            (staging / folder).mkdir(parents=True)
        problems = list(on_all_cores(copied, lacking))
        if problems:
            raise Refused(*problems[:_SHOWN])
        _make_last(staging, target, lacking)
    except OSError as error:
        raise Refused(f"copying from {source}: {error.filename}: {error.strerror}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return lacking


def _copy(source: Path, target: Path, wanted: Object) -> str | None:
    """Copy one object; returns what is wrong with what has arrived, or None."""
    try:
        reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return MISSING
    except OSError as error:
        return f"not to be read ({error.strerror})"
    writing = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        _contents(reading, writing)
    finally:
        os.close(reading)
        os.close(writing)
    return fault(target, wanted)


def _contents(reading: int, writing: int) -> None:
    """Copy a file's content; a file system that can shares the blocks."""
    left = os.fstat(reading).st_size
    shares = True
    while left:
        try:
            done = os.copy_file_range(reading, writing, left) if shares else _sent(reading, writing, left)
        except OSError as error:
            if not shares or error.errno not in _CANNOT_SHARE:
                raise
            shares = False
            continue
        if not done:
            return  # it has become shorter, which its checksum tells
        left -= done


def _sent(reading: int, writing: int, most: int) -> int:
    return os.sendfile(writing, reading, None, most)


def _make_last(staging: Path, target: Path, copied: Sequence[Object]) -> None:
    """Move what was copied to its place, once it is on the disk: a crash leaves no half object there."""
    _sync(staging)
    folders = _folders(copied)
    for folder, objects in folders.items():
        if not (target / folder).exists():
            (staging / folder).rename(target / folder)
            continue
        for each in objects:
            (staging / each.path).rename(target / each.path)
    for folder in ("objects", *folders):
        descriptor = os.open(target / folder, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(descriptor)
        os.close(descriptor)


def _folders(objects: Iterable[Object]) -> dict[str, list[Object]]:
    """Return the objects by the folder that each has its place in."""
    found: dict[str, list[Object]] = {}
    for each in objects:
        found.setdefault(each.path.rpartition("/")[0], []).append(each)
    return found


def _sync(path: Path) -> None:
    """Write everything of a path's file system to the disk (syncfs), as libostree does, not file by file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    finally:
        os.close(descriptor)
