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
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lab.rpm_ostree.errors import FailedError

LOCK = Path("/run/rpm-ostree-lab.lock")
_NOTE = 2048  # bytes


@dataclass(frozen=True)
class Transaction:
    """A running change: the daemon's name for it, a line about it, its process, and what it does now."""

    method: str
    title: str
    process: int
    step: str = ""


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

    + method: the daemon's name for it, such as `Rebase`
    + title: describes it to others who want to change something meanwhile
    + work: the change; runs in another process
    + when_busy: what stands before the error that another change is running

    Raises FailedError: the caller may not, or another change is running.
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
        step = json.loads(LOCK.read_text()).get("step") or title
        raise FailedError(f"{step}: Operation was cancelled")
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


def begin(step: str) -> None:
    """Note what the change does from now on, for the words of one that is cancelled."""
    if LOCK.exists():
        running = Transaction(**json.loads(LOCK.read_text()))
        handle = os.open(LOCK, os.O_WRONLY)
        _note(handle, replace(running, step=step))
        os.close(handle)


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
    _note(handle, transaction)


def _note(handle: int, transaction: Transaction) -> None:
    """Write what runs, always as many bytes at once, so that a reader finds one note whole."""
    os.pwrite(handle, json.dumps(asdict(transaction)).encode().ljust(_NOTE), 0)


def _work(work: Callable[[], int]) -> int:
    try:
        return work()
    except FailedError as failure:
        print(f"error: {failure}", file=sys.stderr, flush=True)
        return 1
    finally:
        sys.stdout.flush()
