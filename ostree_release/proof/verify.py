"""The proof of everything that is published, and the last one, which the timer's unit keeps for `status`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import clock, files
from ..access import actor
from ..config import Config
from ..context import Context
from ..errors import Busy, Refused
from ..journal import timestamp_of
from ..model import Entry
from . import history
from .evidence import Finding
from .verdict import verify

_OVERDUE = 2 * 86400  # seconds; the timer runs daily


def prove(context: Context, name: str | None) -> dict[str, Any]:
    """Return what is proven and what is wrong, as it is printed.

    + name: one environment, None for all
    """
    config = context.config
    promoting = [each for each in config.environments if not each.composed]
    chosen = [config.promoting(name)[0]] if name else promoting
    journal, seen = history.read(context, chosen)
    verdict = verify(journal, seen)
    return {
        "environments": [environment.name for environment in chosen],
        "time": clock.now(),
        "lines": len(journal),
        **asdict(verdict),
        "exit": 1 if verdict.findings else 0,
    }


def prove_and_keep(context: Context) -> dict[str, Any]:
    """Prove every environment, and keep the result where `status` shows it; returns it as it is printed.

    A proof that fails is kept as a finding: nothing is proven then.
    """
    owners = {each.owner for each in context.config.environments if not each.composed}
    user = actor.user()
    if user not in owners:
        raise Refused(f"run-verify: run it as {' or '.join(sorted(owners))}, not as {user}")
    try:
        result = prove(context, None)
    except Busy:  # what is kept stays true; if it goes on, it grows too old
        raise
    except Exception as error:
        words = " ".join(str(error).split()) or type(error).__name__
        finding = Finding("verify", f"failed, so nothing is proven: {words}")
        _keep(context.config, {"releases": [], "findings": [asdict(finding)], "unanchored": 0})
        raise
    _keep(context.config, result)
    return result


def overdue(config: Config, entries: Iterable[Entry]) -> list[str]:
    """Return one line if releases have not been proven for longer than the timer lets pass."""
    kept = last(config)
    since = kept["time"] if kept else _first_publish(entries)
    if since is None or clock.now() - since <= _OVERDUE:
        return []
    what = "the last proof is older than 2 days" if kept else "nothing was ever proven"
    return [f"{what}: systemctl status ostree-release-verify.timer ostree-release-verify"]


def last(config: Config) -> dict[str, Any] | None:
    """Return what the timer's last proof came to, or None where there was none."""
    try:
        found = json.loads(_kept(config).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("time"), int) else None


def _first_publish(entries: Iterable[Entry]) -> int | None:
    """Return when the first release was published, in seconds since 1970; None where there is none."""
    for entry in entries:
        if (entry.get("action"), entry.get("event")) == ("publish", "done"):
            try:
                return timestamp_of(entry)
            except Refused:
                return 0  # somebody has changed it: for the proof to say
    return None


def _keep(config: Config, result: dict[str, Any]) -> None:
    kept = {
        "time": clock.now(),
        "releases": len(result["releases"]),
        "findings": result["findings"],
        "unanchored": result["unanchored"],
    }
    path = _kept(config)
    with files.refusing(path):
        files.replace(path, json.dumps(kept).encode(), 0o644)


def _kept(config: Config) -> Path:
    return config.state / "verify" / "last.json"
