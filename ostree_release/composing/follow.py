"""Asking for a compose and watching it: the unit composes, whoever asked, and outlives whoever watches.

Both speak through files in one directory: request in, result out, for root only.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from .. import clock, files, lock, programs, versions
from ..access import actor as actors
from ..config import Config, Environment
from ..context import Context
from ..errors import Busy, Refused
from . import rpm_ostree

_POLL = 1.0  # seconds between two looks into the journal, which may be large
_CURSOR = "-- cursor: "  # what journalctl ends with
_STALE = 60.0  # seconds after which a request belongs to nobody: its unit never started
_TIMEOUT = "timeout"
# The property Result of systemd.service(5), where the unit could not say itself what happened.
_RESULTS = {
    _TIMEOUT: "it took longer than its unit allows (TimeoutStartSec, RuntimeMaxSec)",
    "oom-kill": "the kernel killed it: this server has too little memory for it (journalctl -k)",
}


def write(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file so that a reader finds all of it or the one before, for the owner only."""
    files.replace(path, json.dumps(content).encode(), 0o600)


def take_request(path: Path) -> dict[str, Any]:
    """Return the request and remove it; empty where there is none (the timer), or only an old one."""
    request = files.read_object(path) or {}
    path.unlink(missing_ok=True)
    fresh = abs(clock.now() - request.get("time", 0.0)) < _STALE
    return request if fresh else {}


def folder(config: Config, environment: Environment) -> Path:
    """Return the directory of the environment's request, result and compose.json."""
    return config.state / "compose" / environment.name


class _LookedAway(Exception):  # noqa: N818 - an event, not an error
    """The one who watches has gone: Ctrl-C, or a lost connection."""


def compose(context: Context, name: str, version: str | None) -> dict[str, Any]:
    """Start the environment's compose, or watch the one that is running; returns the unit's own result.

    Raises Refused with the unit's own reason. Interrupted, only the watching ends.
    """
    environment = context.config.composed(name)
    if version:
        versions.check(version)
    user = actors.user()
    if user != environment.owner:
        raise Refused(f"compose {name}: run it as {environment.owner}, not as {user}")
    service = f"ostree-release-compose@{name}.service"
    place = folder(context.config, environment)
    holder = lock.held_by(context.config.run, name)
    if holder and version:
        raise Busy(
            f"compose {name}: {holder} is running, so version {version} cannot be had now: try again later"
        )
    if holder:
        context.say(f"Already running: {holder}; following it")
    else:
        (place / "result.json").unlink(missing_ok=True)
        write(place / "request.json", {"actor": context.actor, "version": version, "time": clock.now()})
    try:
        with _looking_away():
            ended, said = follow(service, place)
    except _LookedAway:
        raise Refused(
            f"compose {name}: goes on without you; watch it again with: ostree-release compose {name}, "
            f"or journalctl -f -u {service}"
        ) from None
    answer = files.read_object(place / "result.json")
    if answer is None:
        raise Refused(f"compose {name}: ended without a result: {how(ended, said)} (journalctl -u {service})")
    result = _result(answer, ended)
    if version and result["outcome"] == "built" and result["version"] != version:
        # Somebody else's compose had started, but had not taken the lock yet.
        raise Busy(
            f"compose {name}: {result['version']} was composed for {result['actor']}, not version {version}: "
            "try again"
        )
    return result


def _result(answer: dict[str, Any], ended: Mapping[str, str]) -> dict[str, Any]:
    if "error" in answer:
        kind = Busy if answer.get("status") == Busy.status else Refused
        raise kind(": ".join(filter(None, (answer["error"], late(ended)))))
    result = answer["result"]
    assert isinstance(result, dict)
    return result


@contextlib.contextmanager
def _looking_away() -> Iterator[None]:
    """Let Ctrl-C, a lost connection and a stop signal raise _LookedAway."""

    def handler(number: int, frame: FrameType | None) -> None:
        raise _LookedAway

    signals = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
    before = {number: signal.signal(number, handler) for number in signals}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def follow(unit: str, place: Path) -> tuple[dict[str, str], str]:
    """Start a unit (systemd attaches to the job that is there) and print its output until it has ended.

    + place: the directory of its result
    Returns the unit's properties, and on one line what systemctl said.
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
        _show(invocation or (files.read_object(place / "result.json") or {}).get("invocation", ""), cursor)
        assert start.stderr is not None
        said = " ".join(start.stderr.read().decode(errors="replace").split())
        return _properties(unit), said
    finally:
        start.kill()
        start.wait()


def how(ended: Mapping[str, str], said: str) -> str:
    """Return how a unit ended that left no result.

    + ended: its properties
    + said: what systemctl said of it
    """
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
    shown = programs.run("systemctl", "show", f"--property={','.join(names)}", unit)
    return dict(line.split("=", 1) for line in shown.stdout.splitlines() if "=" in line)
