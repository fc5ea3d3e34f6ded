"""What the unit `ostree-release-gate@RUN.service` does: run one gate, inside the sandbox, within its limits.

The run's directory belongs to `ostree-prod`, so only what a gate may be told is taken from there: a name
below the gates' directory, variables with our prefix, a time limit. The program it names is root's.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...context import Context
from ...errors import Refused
from .runs import IDENTIFIER, OUTPUT_LIMIT, PREFIX, Places

_LONGEST = 86_400  # seconds; as the policy allows
_CHUNK = 65_536  # bytes
_POLL = 0.2  # seconds between two looks whether the gate has ended, with its output still held open
_SURROUNDINGS = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp", "TMPDIR": "/tmp"}


def run_gate(context: Context, run_id: str) -> dict[str, Any]:
    """Run the gate of a run and write its result; returns it as it is printed. Never as root."""
    if os.geteuid() == 0:
        raise Refused("run-gate: gates do not run as root: the unit ostree-release-gate@.service runs them")
    return perform(Places.of(context.config).runs, context.config.gates_directory, run_id)


def perform(runs: Path, gates: Path, run_id: str) -> dict[str, Any]:
    """Run the gate of a run that has a directory in `runs`.

    + gates: the only directory it may be in
    """
    if not IDENTIFIER.fullmatch(run_id):
        raise Refused(f"run {run_id!r}: not the identifier of a run")
    folder = runs / run_id
    try:
        handed = json.loads((folder / "run.json").read_bytes())
        gate, timeout = handed["gate"], min(int(handed["timeout_seconds"]), _LONGEST)
        variables = _variables(handed["environment"])
        if "/" in gate or gate.startswith("."):
            raise Refused(f"run {run_id}: {gate!r} is not the name of a gate")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"run {run_id}: nothing that can be run was handed over") from error
    ended = _limited(gates / gate, variables, timeout, folder / "output")
    result = {"run": run_id, "gate": gate, **ended}
    descriptor = os.open(folder / "result", os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(result))
    return result


def _variables(given: Mapping[str, object]) -> dict[str, str]:
    """Return the whole environment of a gate: a fixed one, and what was handed over under our prefix."""
    told = {name: str(value) for name, value in given.items() if name.startswith(PREFIX)}
    return {**_SURROUNDINGS, **told}


def _limited(program: Path, environment: Mapping[str, str], timeout: int, output: Path) -> dict[str, Any]:
    """Run a program and keep its output; returns its exit status, or the problem in words."""
    descriptor = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        gate = subprocess.Popen(
            [str(program)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd="/",
            start_new_session=True,
            bufsize=0,  # so that a read takes what there is
        )
    except OSError as error:
        os.close(descriptor)
        return {"problem": f"could not be started: {error.strerror}"}
    try:
        problem = _copy(gate, descriptor, timeout)
    finally:
        os.close(descriptor)
        # What it has started in sessions of its own ends with the unit.
        _kill(gate)
    if problem:
        return {"problem": problem}
    if gate.returncode < 0:
        number = -gate.returncode
        words = f"signal {number} ({signal.strsignal(number)})"
        return {"problem": f"was ended by {words}: by a limit of memory or file size?"}
    return {"status": gate.returncode}


def _copy(gate: subprocess.Popen[bytes], descriptor: int, timeout: int) -> str | None:
    """Copy a gate's output until it has ended; returns in words which limit it broke, if any.

    Its end counts, not that of its output: a process that it leaves behind may hold that open.
    """
    deadline = time.monotonic() + timeout
    assert gate.stdout is not None
    os.set_blocking(gate.stdout.fileno(), False)
    room = OUTPUT_LIMIT
    with selectors.DefaultSelector() as selector:
        selector.register(gate.stdout, selectors.EVENT_READ)
        while True:
            ended = gate.poll() is not None
            if not ended and time.monotonic() >= deadline:
                return f"did not end within {timeout} seconds"
            selector.select(0 if ended else _POLL)
            data = gate.stdout.read(_CHUNK)  # nothing at the end, None where there is nothing yet
            if data:
                os.write(descriptor, data[:room])
                room -= len(data)
            if room < 0:
                return f"printed more than {OUTPUT_LIMIT >> 20} MB"
            if ended:
                return None  # what a pipe holds, one read has taken
            if data == b"":  # it has closed its output, and goes on
                time.sleep(_POLL)


def _kill(gate: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(gate.pid, signal.SIGKILL)
    gate.wait()
