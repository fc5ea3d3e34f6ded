"""Ctrl-C while the server works: say what goes on there, and end with a failure.

pyinfra itself ends with exit status 0 on Ctrl-C and says nothing about the remote command.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130  # what shells report for a program that SIGINT ended


@contextmanager
def explained(line: str) -> Iterator[None]:
    """Print a line and exit with a failure if Ctrl-C arrives inside the block.

    Args:
        line: what goes on without us, and how to get back to it.
    """

    def interrupted(_number: int, _frame: FrameType | None) -> NoReturn:
        print(f"\n{line}", file=sys.stderr)
        sys.exit(INTERRUPTED)

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
