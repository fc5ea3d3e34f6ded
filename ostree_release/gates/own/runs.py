"""Runs of gates of the user's own, seen from outside the sandbox: hand over, wait, take the result, tidy.

A run is a directory of its own below /run, named by a random identifier. `run.json` in it says which gate,
with what environment and time limit; the sandbox can write `output` and `result`, which exist already, and
nothing else there. A result counts only if it names the run: systemd reports a unit that never ran as a
success. Whatever a check that was killed leaves is removed by the next one, which knows it by its lock.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ... import lock, programs
from ...config import Config
from ...errors import Busy, Refused

PREFIX = "OSTREE_RELEASE_"  # of every variable that a gate is told
OUTPUT_LIMIT = 1 << 20  # bytes of output that a gate may print, and that are kept
IDENTIFIER = re.compile(r"[0-9a-f]{32}")
_ALIVE = "alive"  # lock file in a run directory, held by the check that made it
_GRACE = 30.0  # seconds that the sandbox has, after a gate's time limit, to say so itself
_POLL = 0.05  # seconds between two looks at the result
_LOOK = 1.0  # seconds between two looks at the unit
_HEAD = 4096  # bytes of a result that are read; it is far shorter
_LINE = 300  # characters of a gate's last line that are shown


@dataclass(frozen=True)
class Places:
    """Directories: of the runs, of checkouts, and of the output that is kept."""

    runs: Path
    checkouts: Path
    output: Path

    @classmethod
    def of(cls, config: Config) -> Places:
        """Return those of a server."""
        gates = config.state / "gates"
        return cls(config.run / "gates", gates / "checkouts", gates / "output")


@dataclass(frozen=True)
class Ended:
    """How a run ended: the gate's exit status, or the problem that kept it from having one."""

    status: int
    problem: str | None
    seconds: float
    output: bytes


def run(
    places: Places, gate: str, environment: Mapping[str, str], difference: Mapping[str, Any], timeout: int
) -> Ended:
    """Run one gate in its sandbox and wait for its end.

    + environment: variables with `PREFIX`
    + difference: what OSTREE_RELEASE_DIFF names a file of
    + timeout: in seconds
    """
    with made(places.runs) as folder:
        diff = folder / "diff.json"
        diff.write_text(json.dumps(difference), encoding="utf-8")
        handed = {
            "gate": gate,
            "environment": {**environment, f"{PREFIX}DIFF": str(diff)},
            "timeout_seconds": timeout,
        }
        (folder / "run.json").write_text(json.dumps(handed), encoding="utf-8")
        for name in ("output", "result"):
            (folder / name).touch()
            (folder / name).chmod(0o666)  # the sandbox's user has no name to give it to
        began = time.monotonic()
        try:
            problem = _start(folder.name)
            result = None if problem else _wait(folder, began + timeout + _GRACE)
        finally:
            _stop(folder.name)
        seconds = time.monotonic() - began
        with (folder / "output").open("rb") as file:
            output = file.read(OUTPUT_LIMIT)
    if problem:
        result = {"problem": f"could not be started: {problem}"}
    elif result is None:
        words = "its sandbox ended without a result: it was killed, or it broke its limits (see journalctl)"
        result = {"problem": words}
    return Ended(result.get("status", -1), result.get("problem"), seconds, output)


@contextlib.contextmanager
def made(parent: Path) -> Iterator[Path]:
    """Make a directory that is known to be in use as long as this process lives; it goes with the block."""
    folder = parent / secrets.token_hex(16)
    with contextlib.ExitStack() as stack:
        with _changing(parent):
            folder.mkdir(mode=0o755)
            stack.callback(_remove_own, folder)
            stack.enter_context(lock.alive(folder / _ALIVE))
        yield folder


def _remove_own(folder: Path) -> None:
    """Remove a directory of this run, unless another check that tidies has been quicker."""
    with lock.gate_runs(folder.parent):
        if folder.is_dir():
            remove(folder)


def tidy(places: Places) -> None:
    """Remove what checks have left that were killed: their units, run directories and checkouts."""
    for parent in filter(Path.is_dir, (places.runs, places.checkouts)):
        with _changing(parent):
            for folder in parent.iterdir():
                if not IDENTIFIER.fullmatch(folder.name):
                    continue
                with contextlib.suppress(Busy), lock.alive(folder / _ALIVE):
                    if parent == places.runs:
                        _stop(folder.name)
                    remove(folder)


def keep_output(places: Places, environment: str, checksum: str, gate: str, output: bytes) -> Path:
    """Keep what a gate printed about a candidate of an environment; returns where."""
    path = places.output / environment / checksum / f"{gate}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(output)
    return path


def forget_output(places: Places, environment: str, has: Callable[[str], bool]) -> None:
    """Remove an environment's output about commits which are no more.

    + has: says whether one is there
    """
    kept = places.output / environment
    if kept.is_dir():
        for folder in kept.iterdir():
            if not has(folder.name):
                remove(folder)


def make_readable(tree: Path) -> None:
    """Let everybody read a checkout: the sandbox's user is not the one who made it."""
    for parent, _, names in os.walk(tree):
        _add(Path(parent), 0o755)
        for name in names:
            _add(Path(parent, name), 0o444)


def remove(folder: Path) -> None:
    """Remove a directory with everything in it, whatever the modes of a checkout are."""
    for parent, names, _ in os.walk(folder):
        for name in names:
            _add(Path(parent, name), 0o700)
    shutil.rmtree(folder)


def last_line(output: bytes) -> str:
    """Return the last line of output that is not blank, printable and not too long."""
    for line in reversed(output.decode("utf-8", errors="replace").splitlines()):
        words = "".join(letter if letter.isprintable() else " " for letter in line).strip()
        if words:
            return words if len(words) <= _LINE else f"{words[: _LINE - 1]}…"
    return ""


def _wait(folder: Path, deadline: float) -> dict[str, Any] | None:
    """Return the result of a run, or None if the unit ended, or did not end in time, without one."""
    look = time.monotonic() + _LOOK
    while time.monotonic() < deadline:
        result = _result(folder)
        if result is not None:
            return result
        if time.monotonic() >= look:
            if not _is_active(folder.name):
                return _result(folder)
            look = time.monotonic() + _LOOK
        time.sleep(_POLL)
    return None


def _result(folder: Path) -> dict[str, Any] | None:
    """Return what the sandbox wrote as the result of this run, once it is whole."""
    try:
        with (folder / "result").open("rb") as file:
            content = json.loads(file.read(_HEAD))
    except ValueError:
        return None
    if not isinstance(content, dict) or content.get("run") != folder.name:
        return None
    status, problem = content.get("status"), content.get("problem")
    if not isinstance(problem, str) and not (problem is None and isinstance(status, int)):
        return None
    return content


@contextlib.contextmanager
def _changing(parent: Path) -> Iterator[None]:
    if not parent.is_dir():
        raise Refused(f"{parent} is missing: run systemd-tmpfiles --create, or deploy the server again")
    with lock.gate_runs(parent):
        yield


def _add(path: Path, bits: int) -> None:
    status = path.lstat()
    if not path.is_symlink() and status.st_mode & bits != bits:
        path.chmod((status.st_mode | bits) & 0o7777)


# The unit that a gate runs in. `ostree-prod` is not root: a polkit rule lets it start and stop units of this
# name, and no others.


def _start(run_id: str) -> str | None:
    """Start the unit; returns why it could not be started, or None."""
    done = _systemctl(run_id, "start")
    if done.returncode == 0:
        return None
    return " ".join(done.stderr.split()) or f"systemctl ended with exit status {done.returncode}"


def _stop(run_id: str) -> None:
    """End everything that runs in the unit, and wait for that; one that has ended is fine."""
    _systemctl(run_id, "stop")


def _is_active(run_id: str) -> bool:
    """Say whether something runs in the unit."""
    shown = _systemctl(run_id, "show", "--property=ActiveState", "--value")
    return shown.stdout.strip() not in ("inactive", "failed", "")


def _systemctl(run_id: str, *verb: str) -> subprocess.CompletedProcess[str]:
    return programs.run("systemctl", "--no-ask-password", *verb, f"ostree-release-gate@{run_id}.service")
