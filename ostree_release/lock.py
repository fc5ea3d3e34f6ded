"""The locks of an environment: open-file-description locks on files that systemd-tmpfiles made.

Every environment has a *writer* lock (one compose; or one stage, sign, publish), a *check* lock (one run
of the gates, which may take long and keeps nobody from writing) and an *objects* lock (shared by whoever
reads or adds objects, exclusive for whoever deletes them). Order, everywhere the same, so that nobody waits
for somebody who waits for him: the writer or check lock of the environment that is changed, its objects
lock, then the objects lock of the environment that is read; the journal's lock comes last and is held for
one line only. OFD locks end with their last descriptor, so a killed process leaves none behind.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from .errors import Busy, Refused

# struct flock of Linux: type, whence, start, length (0: the whole file), pid (must be 0 for OFD locks).
_FLOCK = "hhqqi"


def writer(run: Path, environment: str, holder: str) -> AbstractContextManager[None]:
    """Hold the environment's writer lock, or raise Busy naming who holds it.

    + holder: who does what, in words; the next one who finds the lock taken reads it
    """
    return _alone(run / f"{environment}.writer", f"{environment} is locked by", holder)


def check(run: Path, environment: str, holder: str) -> AbstractContextManager[None]:
    """Hold the environment's check lock, or raise Busy naming who holds it; gates may take long.

    + holder: who does what, in words
    """
    return _alone(run / f"{environment}.check", f"{environment} is being checked by", holder)


@contextlib.contextmanager
def objects(run: Path, environment: str) -> Iterator[None]:
    """Hold the environment's objects lock shared with others who read or add, or raise Busy."""
    with _opened(run / f"{environment}.objects") as descriptor:
        if not _lock(descriptor, fcntl.F_RDLCK):
            raise Busy(f"objects of {environment} are being deleted: try again later")
        yield


def journal(run: Path) -> AbstractContextManager[None]:
    """Hold the journal's lock; waits, because everybody holds it for one line only."""
    return _waiting(_opened(run / "journal"))


def gate_runs(folder: Path) -> AbstractContextManager[None]:
    """Hold the lock under which run directories of gates appear and are tidied; waits, it is held shortly."""
    return _waiting(_opened(folder / "lock", os.O_CREAT))


@contextlib.contextmanager
def alive(path: Path) -> Iterator[None]:
    """Hold a lock file for as long as its maker lives, or raise Busy: he does."""
    with _opened(path, os.O_CREAT) as descriptor:
        if not _lock(descriptor, fcntl.F_WRLCK):
            raise Busy(f"{path} is somebody else's")
        yield


def held_by(run: Path, environment: str) -> str | None:
    """Return who holds the environment's writer lock, or None when it is free; takes no lock."""
    with _opened(run / f"{environment}.writer") as descriptor:
        kind, *_ = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _flock(fcntl.F_WRLCK)))
        return None if kind == fcntl.F_UNLCK else _holder(descriptor)


@contextlib.contextmanager
def _alone(path: Path, taken: str, holder: str) -> Iterator[None]:
    with _opened(path) as descriptor:
        if not _lock(descriptor, fcntl.F_WRLCK):
            raise Busy(f"{taken} {_holder(descriptor)}: try again later")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, holder.encode()[:200], 0)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)


@contextlib.contextmanager
def _waiting(opened: AbstractContextManager[int]) -> Iterator[None]:
    with opened as descriptor:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLKW, _flock(fcntl.F_WRLCK))
        yield


@contextlib.contextmanager
def _opened(path: Path, make: int = 0) -> Iterator[int]:
    """Open a lock's file.

    + make: os.O_CREAT for one that nobody else makes
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | make, 0o600)
    except FileNotFoundError:
        raise Refused(
            f"{path} is missing: run systemd-tmpfiles --create, or deploy the server again"
        ) from None
    except PermissionError:
        raise Refused(
            f"{path} is not for {os.geteuid()}: run this through sudo, as your role allows"
        ) from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _flock(kind: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, 0, 0, 0)


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _flock(kind))
    except (BlockingIOError, PermissionError):  # EAGAIN or EACCES, by POSIX either
        return False
    return True


def _holder(descriptor: int) -> str:
    return os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "another process"
