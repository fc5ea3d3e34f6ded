"""Ctrl-C while the server works: say what goes on there, and end with a failure.

pyinfra itself (3.10.0) ends with exit status 0 on Ctrl-C and says nothing about the remote command.
"""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130  # what shells report for a program that SIGINT ended


def fail_on_interrupt() -> None:
    """Let Ctrl-C end the run with a failure, so that nobody's `promote && upgrade` goes on after it."""
    signal.signal(signal.SIGINT, _ending("Interrupted."))


@contextmanager
def explained(line: str) -> Iterator[None]:
    """Print a line and exit with a failure if Ctrl-C arrives inside the block.

    + line: what goes on without us, and how to get back to it
    """

    before = signal.signal(signal.SIGINT, _ending(line))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _ending(line: str) -> Callable[[int, FrameType | None], NoReturn]:
    def end(_number: int, _frame: FrameType | None) -> NoReturn:
        print(f"\n{line}", file=sys.stderr)
        sys.exit(INTERRUPTED)

    return end
