"""Work of many small parts, on all cores at once.

Not multiprocessing's: its processes wait for more work for ever when the one that began them is killed, and
would keep its locks meanwhile. Ours have their share from the beginning, and end with that one.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, TextIO, TypeVar

from .errors import Refused

T = TypeVar("T")

_WORTH_IT = 256  # parts from which on another process saves more than its start costs
_ENDED = "ended"
_DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


def on_all_cores(
    work: Callable[[Sequence[T]], Iterator[Any]], parts: Sequence[T]
) -> Generator[Any, None, None]:
    """Yield what some work says of its parts: done here, or where they are many in a process for each core.

    + work: takes a share of the parts; what it yields must be such as JSON can pass on
    Refuses what the system refuses any of it. Closed early, it ends all of them.
    """
    cores = len(os.sched_getaffinity(0)) if len(parts) >= _WORTH_IT else 1
    if cores == 1:
        try:
            yield from work(parts)
        except OSError as error:
            raise Refused(_words(error)) from error
        return
    begun: list[tuple[int, TextIO]] = []
    try:
        for first in range(cores):
            _begin(work, parts[first::cores], begun)
        for _, lines in begun:
            yield from _read(lines)
    finally:
        for child, lines in begun:
            lines.close()
            os.kill(child, signal.SIGKILL)  # those that have ended are there until they are waited for
            os.waitpid(child, 0)


def _read(lines: TextIO) -> Iterator[Any]:
    """Yield what a process says, up to its end."""
    for line in lines:
        with contextlib.suppress(ValueError):  # cut off by its death
            said, words = json.loads(line)
            if said is not None:
                yield said
            elif words == _ENDED:
                return
            else:
                raise Refused(words)
    raise Refused("a process of this command was killed before its work was done: run it again")


def _begin(
    work: Callable[[Sequence[T]], Iterator[Any]], share: Sequence[T], begun: list[tuple[int, TextIO]]
) -> None:
    """Begin a process, and add it with what it says to those that have begun."""
    parent, (reading, writing) = os.getpid(), os.pipe()
    everything = signal.valid_signals()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, everything)  # none may find us between two of these
    child = os.fork()
    if child:
        os.close(writing)
        begun.append((child, os.fdopen(reading, encoding="utf-8")))
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)  # what the parent does then is not ours to do
        ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if os.getppid() == parent:
            _work(work, share, writing)
    finally:
        os._exit(0)  # nothing of the process that began it is ended or flushed twice


def _work(work: Callable[[Sequence[T]], Iterator[Any]], share: Sequence[T], writing: int) -> None:
    with os.fdopen(writing, "w", encoding="utf-8") as lines:
        words = _ENDED
        try:
            for each in work(share):
                print(json.dumps([each, ""]), file=lines)
        except Exception as error:  # whoever began it says what it was
            words = _words(error)
        print(json.dumps([None, words]), file=lines)


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"{type(error).__name__}: {error}"
