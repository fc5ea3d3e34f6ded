"""Running rpm-ostree: its output goes where ours goes, and what it says of a failure is kept."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_POLL = 0.3  # seconds between two looks at a program that says nothing
_BLOCK = 1 << 16  # bytes read at a time
_ERROR = "error: "  # what the program's own last words begin with
_BANNER = "rpm-ostree version:"
_LONGEST = 1000  # characters of a reason
_CGROUPS = Path("/sys/fs/cgroup")
# What comes from outside: the program had no time to say why.
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    + status: as subprocess has it
    + output, errors: the lines of stdout and of stderr
    """

    status: int
    output: tuple[str, ...]
    errors: tuple[str, ...]


def run(arguments: Sequence[str]) -> Ended:
    """Run rpm-ostree with arguments; killed with us if we are interrupted."""
    process = subprocess.Popen(
        ["rpm-ostree", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        try:
            output, errors = _Copied(process.stdout), _Copied(process.stderr)
            _copy(process, output, errors)
            return Ended(process.wait(), tuple(output.lines), tuple(errors.lines))
        except BaseException:
            process.kill()
            raise


def failure(ended: Ended, out_of_memory: bool) -> str:
    """Return in one line how a run failed, and why as far as the program said it.

    + out_of_memory: whether the kernel has killed something of ours for want of memory
    """
    if ended.status >= 0:
        return f"rpm-ostree ended with exit status {ended.status}: {_last_words(ended.errors)}"
    number = -ended.status
    killed = f"rpm-ostree was killed by {signal_name(number)}"
    if number == signal.SIGKILL and out_of_memory:
        return f"{killed}: this server has too little memory for it (journalctl -k)"
    return killed if number in _FROM_OUTSIDE else f"{killed}: {_last_words(ended.errors)}"


def signal_name(number: int) -> str:
    """Return what a signal is called."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def out_of_memory() -> bool:
    """Say whether the kernel killed a process of our unit for want of memory; False where it keeps no count.

    From the file memory.events of our own control group, version 2, which is new in each run of a unit.
    """
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
        own = next(line.partition("::")[2] for line in lines if line.startswith("0::"))
        events = (_CGROUPS / own.lstrip("/") / "memory.events").read_text(encoding="utf-8")
    except (OSError, StopIteration):
        return False
    return any(line.startswith("oom_kill ") and line.split()[1] != "0" for line in events.splitlines())


class _Copied:
    """A stream that is copied to our stderr line by line, and remembered."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.lines: list[str] = []
        self._rest = b""

    def read(self) -> bool:
        """Take what there is now; returns whether there may be more to come."""
        piece = os.read(self.stream.fileno(), _BLOCK)
        *lines, self._rest = (self._rest + piece).split(b"\n")
        self._take(lines)
        return bool(piece)

    def end(self) -> None:
        """Take a last line that has no end."""
        self._take([self._rest] if self._rest else [])

    def _take(self, lines: list[bytes]) -> None:
        for line in lines:
            self.lines.append(line.decode(errors="replace"))
            sys.stderr.write(f"{self.lines[-1]}\n")
        sys.stderr.flush()


def _copy(process: subprocess.Popen[bytes], *streams: _Copied) -> None:
    """Copy streams until they end, or the program has ended and nothing is left in them.

    Not until they end alone: what a killed rpm-ostree leaves behind, a FUSE server, may hold them open.
    """
    with selectors.DefaultSelector() as selector:
        for copied in streams:
            selector.register(copied.stream, selectors.EVENT_READ, copied)
        while selector.get_map():
            ended = process.poll() is not None  # before the look: all it has written is there by then
            ready = selector.select(0 if ended else _POLL)
            for key, _ in ready:
                if not key.data.read():
                    selector.unregister(key.fileobj)
            if ended and not ready:
                break
    for copied in streams:
        copied.end()


def _last_words(errors: Sequence[str]) -> str:
    """Return the program's last error, with the lines that belong to it, or else what it said last."""
    said = [line.strip() for line in errors if line.strip() and not line.startswith(_BANNER)]
    starts = [number for number, line in enumerate(said) if line.startswith(_ERROR)]
    words = " ".join(said[starts[-1] :] if starts else said[-1:])
    words = "".join(each if each.isprintable() else "?" for each in words)
    return words[:_LONGEST] or "it gave no reason"
