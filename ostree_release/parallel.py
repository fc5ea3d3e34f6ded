"""Work of many small parts, on all cores at once.

Not multiprocessing's: its processes wait for more work for ever when the one that began them is killed, and
would keep its locks meanwhile. Ours have their share from the beginning, and end with it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

_WORTH_IT = 256  # parts from which on another process saves more than its start costs


def on_all_cores(work: Callable[[Sequence[T]], Iterator[Any]], parts: Sequence[T]) -> Iterator[Any]:
    """Yield what some work says of its parts: done here, or where they are many in a process for each core.

    + work: takes a share of the parts; what it yields must be such as JSON can pass on
    Raises ChildProcessError, an OSError, where a process ended before its work did.
    """
    cores = len(os.sched_getaffinity(0)) if len(parts) >= _WORTH_IT else 1
    if cores == 1:
        yield from work(parts)
        return
    begun = [_begin(work, parts[first::cores]) for first in range(cores)]
    ended = []
    try:
        for _, reading in begun:
            with os.fdopen(reading, encoding="utf-8") as lines:
                yield from map(json.loads, lines)
    finally:
        for child, _ in begun:
            ended.append(os.waitpid(child, 0)[1])
    if any(ended):
        raise ChildProcessError("a process ended before its work did")


def _begin(work: Callable[[Sequence[T]], Iterator[Any]], share: Sequence[T]) -> tuple[int, int]:
    """Begin a process; returns its number, and where to read what its work says."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    status = 1
    try:
        with os.fdopen(writing, "w", encoding="utf-8") as lines:
            for each in work(share):
                print(json.dumps(each), file=lines)
        status = 0
    finally:
        os._exit(status)  # nothing of the process that began it is ended or flushed twice
