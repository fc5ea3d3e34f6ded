"""The unit that composes, as systemd and the journal know it: starting it, what it prints, how it ended."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from . import handover, rpm_ostree

_POLL = 1.0  # seconds between two looks into the journal, which may be large
_CURSOR = "-- cursor: "  # what journalctl ends with
_TIMEOUT = "timeout"
# The property Result of systemd.service(5), where the unit could not say itself what happened.
_RESULTS = {
    _TIMEOUT: "it took longer than its unit allows (TimeoutStartSec, RuntimeMaxSec)",
    "oom-kill": "the kernel killed it: this server has too little memory for it (journalctl -k)",
}


def follow(unit: str, place: Path) -> tuple[dict[str, str], str]:
    """Start a unit (systemd attaches to the job that is there) and print its output until it has ended.

    place: the directory of its result. Returns the unit's properties, and on one line what systemctl said.
    """
    start = subprocess.Popen(
        ["systemctl", "start", unit],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    invocation, cursor = "", None
    try:
        while start.poll() is None:
            invocation = invocation or _invocation(unit)
            cursor = _show(invocation, cursor)
            with contextlib.suppress(subprocess.TimeoutExpired):
                start.wait(_POLL)
        # What it said last is on its way to the journal.
        subprocess.run(["journalctl", "--sync"], stderr=subprocess.DEVNULL, check=False)
        _show(invocation or (handover.read(place / "result.json") or {}).get("invocation", ""), cursor)
        assert start.stderr is not None
        said = " ".join(start.stderr.read().decode(errors="replace").split())
        return _properties(unit), said
    finally:
        start.kill()
        start.wait()


def how(ended: Mapping[str, str], said: str) -> str:
    """Return how a unit ended that left no result; ended: its properties, said: what systemctl said of it."""
    result = ended.get("Result", "")
    if result in ("signal", "core-dump"):
        return f"killed by {rpm_ostree.signal_name(int(ended.get('ExecMainStatus', '0')))}"
    return _RESULTS.get(result) or said or "nothing said"


def late(ended: Mapping[str, str]) -> str | None:
    """Return that a unit was stopped because it took too long, which it does not know itself; or None."""
    return _RESULTS[_TIMEOUT] if ended.get("Result") == _TIMEOUT else None


def _invocation(unit: str) -> str:
    """Return what names the unit's present run in the journal, once it has one; empty before."""
    properties = _properties(unit)
    return properties.get("InvocationID", "") if properties.get("ActiveState") == "activating" else ""


def _show(invocation: str, cursor: str | None) -> str | None:
    """Print what a run has said since the last time; returns how far that was, for the next time."""
    if not invocation:
        return cursor
    command = [
        "journalctl",
        "--quiet",
        "--output=cat",
        "--show-cursor",
        f"_SYSTEMD_INVOCATION_ID={invocation}",
    ]
    command += [f"--after-cursor={cursor}"] if cursor else []
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    said, found, place = done.stdout.decode(errors="replace").rpartition(_CURSOR)
    sys.stderr.write(said if found else place)
    sys.stderr.flush()
    return place.strip() if found else cursor


def _properties(unit: str) -> dict[str, str]:
    names = ("InvocationID", "ActiveState", "Result", "ExecMainCode", "ExecMainStatus")
    shown = subprocess.run(
        ["systemctl", "show", f"--property={','.join(names)}", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    return dict(line.split("=", 1) for line in shown.stdout.splitlines() if "=" in line)
