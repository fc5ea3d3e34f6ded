"""One change at a time, and it goes on when the one who asked for it goes away.

The real program has a daemon for this. Here a change runs in a process and session of its own, and holds a
lock whose file says what it is.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.rpm_ostree.errors import FailedError

LOCK = Path("/run/rpm-ostree-lab.lock")


@dataclass(frozen=True)
class Transaction:
    """A running change: the daemon's name for it, the line that describes it, and its process."""

    method: str
    title: str
    process: int


def current() -> Transaction | None:
    """Return the change that is running now."""
    try:
        handle = os.open(LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return Transaction(**json.loads(LOCK.read_text()))
    finally:
        os.close(handle)
    return None


def run(method: str, title: str, work: Callable[[], int], when_busy: str = "") -> int:
    """Run a change and return its exit status.

    Args:
        method: the daemon's name for it, such as `Rebase`.
        title: describes it to others who want to change something meanwhile.
        work: the change; runs in another process.
        when_busy: what stands before the error that another change is running.

    Raises:
        FailedError: the caller may not, or another change is running.
    """
    if os.geteuid() != 0:
        raise FailedError(f"rpmostreed OS operation {method} not allowed for user")
    handle = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        running = json.loads(LOCK.read_text())["title"]
        raise FailedError(
            f"{when_busy}Transaction in progress: {running} \n"
            " You can cancel the current transaction with `rpm-ostree cancel`"
        ) from None
    process = os.fork()
    if process == 0:
        _become_daemon(handle, Transaction(method, title, os.getpid()))
        os._exit(_work(work))
    os.close(handle)
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status):
        raise FailedError(f"{title}: Operation was cancelled")
    return os.waitstatus_to_exitcode(status)


def cancel() -> int:
    """End the running change, if there is one."""
    running = current()
    if running is None:
        print("No active transaction.")
        return 0
    print(f"Cancelling transaction: {running.title} ")
    os.kill(running.process, signal.SIGTERM)
    print("Cancelled.")
    return 0


def say(line: str) -> None:
    """Print a line of progress, for as long as somebody listens."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, sys.stdout.fileno())


def _become_daemon(handle: int, transaction: Transaction) -> None:
    os.setsid()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    os.ftruncate(handle, 0)
    os.write(handle, json.dumps(asdict(transaction)).encode())


def _work(work: Callable[[], int]) -> int:
    try:
        return work()
    except FailedError as failure:
        print(f"error: {failure}", file=sys.stderr, flush=True)
        return 1
    finally:
        sys.stdout.flush()
