"""Checking alone: the gates of a candidate or release, run afresh and recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..config import Ring
from ..context import Context
from ..errors import Refused
from ..model import Commit
from ..releasing.road import look_at
from ..releasing.survey import Survey
from ..repo import Repository
from . import admit, hold, records
from .check import checking, judge


def check_only(context: Context, name: str, version: str | None, rings: Sequence[Ring]) -> dict[str, Any]:
    """Run every gate for some rings; returns the result as printed, with exit status 1 if not let through."""
    environment, _ = context.config.promoting(name)
    with checking(context, environment):
        repository = Repository(environment.repository)
        release = _due(look_at(context, environment, repository), version, rings[0])
        runs = [judge(context, environment, repository, release, ring, afresh=True) for ring in rings]
        decisions = {
            ring.name: admit.decided(context, environment, repository, release, ring) for ring in rings
        }
        held = hold.holding(hold.holds(context.journal.entries()), repository, release)
    open_ = {name: list(found.open) for name, found in decisions.items()}
    failed = dict.fromkeys(gate for found in decisions.values() for gate in found.failed)
    admitted = not any(open_.values()) and not held
    return {
        "outcome": "admitted" if admitted else "not admitted",
        "environment": environment.name,
        "release": {"version": release.version, "checksum": release.checksum, "serial": release.serial},
        "rings": {run.ring: records.as_json(run) for run in runs},
        "open": {name: [each.line for each in found] for name, found in open_.items()},
        "held": [each.as_json() for each in held],
        "approve": None
        if admitted or held
        else admit.approve_command(environment, release.version, [ring.name for ring in rings], failed),
        "next": admit.promote_command(environment, rings),
        "exit": 0 if admitted else 1,
    }


def _due(seen: Survey, version: str | None, ring: Ring) -> Commit:
    """Return the candidate or release of a version; without one, what would go to the ring next."""
    environment = seen.environment
    if version is None and ring != environment.rings[0]:
        before = seen.at(environment.rings[environment.rings.index(ring) - 1].ref)
        if before:
            return before
    for commit in (*reversed(seen.candidates), *reversed(seen.releases)):
        if version == commit.version or (version is None and commit in seen.candidates):
            return commit
    named = f"candidate or release {version}" if version else "candidate"
    raise Refused(f"check: no {named} in {environment.name}: stage a build first")
