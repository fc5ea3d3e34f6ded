"""Promotion: a build, or what is in the ring before, goes to a ring."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..composing import builds
from ..context import Context
from ..images.pkglist import Diff
from ..model import Commit
from ..repo import Repository
from ..signing.sign import sign
from .plan import PROMOTE
from .publish import publish
from .road import Request, Road, following, look, settle
from .stage import stage
from .survey import Survey


def promote(context: Context, request: Request) -> dict[str, Any]:
    """Promote, or repair what an interrupted promotion left; returns the result as it is printed.

    Every step does only what is still missing, so that running it again completes whatever stopped it.
    """
    environment, _ = context.config.promoting(request.environment)
    with context.changing(environment, "promote"):
        road = look(context, request)
        repository, plan = road.repository, road.plan
        missing = settle(context, environment, repository)
        release = stage(context, road.source, repository, road.survey, plan)
        missing += sign(context, environment, repository, release)
        missing += publish(context, environment, repository, release, plan.ring, request.reason)
        packages = _packages(road, release)
    promoted = plan.outcome == PROMOTE
    return {
        "outcome": "promoted" if promoted else "repaired" if missing else "unchanged",
        "environment": environment.name,
        "ring": plan.ring.name,
        "actor": context.actor,
        "build": {"version": plan.build_version, "checksum": plan.build},
        "release": {"version": release.version, "checksum": release.checksum, "serial": release.serial},
        "moves": [replace(move, new=release.checksum).as_json() for move in plan.moves],
        "repaired": [] if promoted else missing,
        "packages": packages,
        "next": following(environment, plan.ring),
    }


def plan_only(context: Context, request: Request) -> dict[str, Any]:
    """Return what a promotion would do, changing nothing."""
    environment, _ = context.config.promoting(request.environment)
    with context.reading(environment):
        road = look(context, request)
        plan = road.plan
        new = plan.release.checksum if plan.release else None
        return {
            "outcome": plan.outcome,
            "environment": environment.name,
            "ring": plan.ring.name,
            "build": {
                "version": plan.build_version,
                "checksum": plan.build,
                "timestamp": _build_timestamp(road),
            },
            "release": {"version": plan.version, "serial": plan.serial, "checksum": new},
            "moves": [
                {
                    "ref": move.ref,
                    "from": _named(road.survey, move.old),
                    "to": {"version": plan.version, "checksum": new},
                }
                for move in plan.moves
            ],
            "expect": {"build": plan.build, "tip": plan.tip_or_none},
            "packages": _packages(road, plan.release),
            "repairs": list(plan.repairs),
        }


def _packages(road: Road, release: Commit | None) -> Diff:
    """Return what changes for the ring's clients, also before the release is staged."""
    tip = road.plan.tip
    source = Repository(road.source.repository) if release is None else road.repository
    checksum = release.checksum if release else road.plan.build
    return builds.changes((road.repository, tip.checksum) if tip else None, (source, checksum))


def _build_timestamp(road: Road) -> int | None:
    """Return when the build was composed, in seconds, or None where the source has retired it."""
    source = Repository(road.source.repository)
    return source.commit(road.plan.build).timestamp if source.has(road.plan.build) else None


def _named(seen: Survey, checksum: str | None) -> dict[str, str] | None:
    if checksum is None:
        return None
    return {"version": seen.commits[checksum].version, "checksum": checksum}
