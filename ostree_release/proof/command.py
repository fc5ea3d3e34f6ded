"""The subcommands that prove: `verify` for whoever looks, and `run-verify` for the timer's unit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .. import clock, files
from ..access import actor
from ..config import Config
from ..context import Context
from ..errors import Refused
from . import history
from .verify import verify


def proof(context: Context, name: str | None) -> dict[str, Any]:
    """Return what is proven and what is wrong, as it is printed; name: one environment, None for all."""
    config = context.config
    promoting = [each for each in config.environments if not each.composed]
    chosen = [config.promoting(name)[0]] if name else promoting
    journal, seen = history.read(context, chosen)
    verdict = verify(journal, seen)
    return {
        "environments": [environment.name for environment in chosen],
        "time": clock.now(),
        "lines": len(journal),
        "releases": verdict.releases,
        "refs": verdict.refs,
        "findings": [finding.as_json() for finding in verdict.findings],
        "notes": verdict.notes,
        "unanchored": verdict.unanchored,
        "exit": 1 if verdict.findings else 0,
    }


def kept_proof(context: Context) -> dict[str, Any]:
    """Prove every environment, and keep the result where `status` shows it; returns it as it is printed."""
    owners = {each.owner for each in context.config.environments if not each.composed}
    user = actor.user()
    if user not in owners:
        raise Refused(f"run-verify: run it as {' or '.join(sorted(owners))}, not as {user}")
    result = proof(context, None)
    kept = {
        "time": result["time"],
        "releases": len(result["releases"]),
        "findings": result["findings"],
        "unanchored": result["unanchored"],
    }
    path = _kept(context.config)
    try:
        files.replace(path, json.dumps(kept).encode(), 0o644)
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from error
    return result


def last(config: Config) -> dict[str, Any] | None:
    """Return what the timer's last proof came to, or None where there was none."""
    try:
        found = json.loads(_kept(config).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _kept(config: Config) -> Path:
    return config.state / "verify" / "last.json"
