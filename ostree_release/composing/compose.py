"""Asking for a compose and watching it: the unit composes, whoever asked, and outlives whoever watches."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

from .. import clock, lock, versions
from ..access import actor as actors
from ..context import Context
from ..errors import Busy, Refused
from . import handover, unit
from .compose_run import folder


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
        handover.write(
            place / "request.json", {"actor": context.actor, "version": version, "time": clock.now()}
        )
    try:
        with _looking_away():
            ended, said = unit.follow(service, place)
    except _LookedAway:
        raise Refused(
            f"compose {name}: goes on without you; watch it again with: ostree-release compose {name}, "
            f"or journalctl -f -u {service}"
        ) from None
    answer = handover.read(place / "result.json")
    if answer is None:
        raise Refused(
            f"compose {name}: ended without a result: {unit.how(ended, said)} (journalctl -u {service})"
        )
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
        raise kind(": ".join(filter(None, (answer["error"], unit.late(ended)))))
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
