"""Asking for a compose and watching it: the unit composes, whoever asked, and outlives whoever watches."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

from .. import clock, lock, versions
from ..access import actor as actors
from ..context import Context
from ..errors import Busy, Refused
from . import handover
from .compose_run import folder

_POLL = 0.3  # seconds between two looks at the unit


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
    unit = f"ostree-release-compose@{name}.service"
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
        handover.write(
            place / "request.json", {"actor": context.actor, "version": version, "time": clock.now()}
        )
    try:
        with _looking_away():
            words = _follow(unit)
    except _LookedAway:
        raise Refused(
            f"compose {name}: goes on without you; watch it again with: ostree-release compose {name}, "
            f"or journalctl -f -u {unit}"
        ) from None
    answer = handover.read(place / "result.json")
    if answer is None:
        raise Refused(
            f"compose {name}: ended without a result: {words or 'nothing said'} (journalctl -u {unit})"
        )
    result = _result(answer)
    if version and result["outcome"] == "built" and result["version"] != version:
        # Somebody else's compose had started, but had not taken the lock yet.
        raise Busy(
            f"compose {name}: {result['version']} was composed for {result['actor']}, not version {version}: "
            "try again"
        )
    return result


def _result(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        kind = Busy if answer.get("status") == Busy.status else Refused
        raise kind(answer["error"])
    result = answer["result"]
    assert isinstance(result, dict)
    return result


def _follow(unit: str) -> str:
    """Start the unit (systemd attaches to the job that is there) and print its output until it has ended.

    Returns what systemctl had to say, on one line; nothing when all went well.
    """
    start = subprocess.Popen(
        ["systemctl", "start", unit],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    log: subprocess.Popen[bytes] | None = None
    try:
        while start.poll() is None:
            if log is None:
                log = _log(unit)
            time.sleep(_POLL)
        assert start.stderr is not None
        return " ".join(start.stderr.read().decode(errors="replace").split())
    finally:
        start.kill()
        if log:
            time.sleep(_POLL)  # let the last lines arrive
            log.kill()
            log.wait()
        start.wait()


def _log(unit: str) -> subprocess.Popen[bytes] | None:
    """Follow the output of the unit's present run, once it has one."""
    shown = subprocess.run(
        ["systemctl", "show", "--property=InvocationID", "--property=ActiveState", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    properties = dict(line.split("=", 1) for line in shown.stdout.splitlines() if "=" in line)
    invocation = properties.get("InvocationID", "")
    if properties.get("ActiveState") != "activating" or not invocation:
        return None
    command = [
        "journalctl",
        "--follow",
        "--no-tail",
        "--quiet",
        "--output=cat",
        f"_SYSTEMD_INVOCATION_ID={invocation}",
    ]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr)


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
