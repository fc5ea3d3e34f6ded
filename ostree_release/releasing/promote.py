"""Promotion: a build, or what is in the ring before, goes to a ring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..composing import builds
from ..config import Environment, Ring
from ..context import Context
from ..errors import Busy, Refused
from ..images.pkglist import Diff
from ..judging import admit, check, hold, records
from ..judging.check import checking, judge
from ..model import Commit, Move
from ..repo import Repository
from ..signing.sign import sign
from . import plan
from .plan import PROMOTE
from .publish import publish
from .road import Request, Road, following, look
from .stage import stage
from .survey import Survey


def promote(context: Context, request: Request) -> dict[str, Any]:
    """Promote, or repair what an interrupted promotion left; returns the result as it is printed.

    Every step does only what is still missing, so that running it again completes whatever stopped it.
    Nobody waits for the gates: the writer lock is free while they run, and everything is decided again after
    them.
    """
    environment, _ = context.config.promoting(request.environment)
    rings = _rings(environment, request)
    with context.changing(environment, "promote") as repair:
        road = look(context, request)
        release = stage(context, road.source, road.repository, road.survey, road.plan)
    due = _due(road.repository, release, rings)
    if due:
        with checking(context, environment):
            for ring in due:
                judge(context, environment, road.repository, release, ring)
    with context.changing(environment, "promote") as later:
        road = _again(context, request, release)
        repository, tip = road.repository, road.plan.tip
        admit.require(context, environment, repository, release, rings)
        repaired = [*repair.lines, *later.lines]
        missing = sign(context, environment, repository, release)
        for ring in rings:
            missing += publish(context, environment, repository, release, ring, request.details)
        packages = builds.changes((repository, tip.checksum) if tip else None, (repository, release.checksum))
    moves = _moves(road, release, due)
    return {
        "outcome": "promoted" if moves else "repaired" if repaired or missing else "unchanged",
        "environment": environment.name,
        "ring": rings[-1].name,
        "actor": context.actor,
        "build": {"version": road.plan.build_version, "checksum": road.plan.build},
        "release": {"version": release.version, "checksum": release.checksum, "serial": release.serial},
        "moves": [move.as_json() for move in moves],
        "repaired": repaired if moves else [*repaired, *missing],
        "packages": packages,
        "next": following(environment, rings[-1]),
    }


def _rings(environment: Environment, request: Request) -> tuple[Ring, ...]:
    """Return the rings that get the release, in order."""
    if request.through is None:
        return (environment.ring(request.ring),)
    if request.ring is not None:
        raise Refused(f"ring {request.ring} and through {request.through}: give one of them")
    if not (request.reason or "").strip():
        raise Refused(f"through {request.through}: no ring tries it for the next one, so give a reason")
    return environment.rings_up_to(request.through)


def _due(repository: Repository, release: Commit, rings: Sequence[Ring]) -> list[Ring]:
    """Return the rings that would move; refuses a move back, and a ring that the release is not bound to."""
    refs = repository.refs()
    due = [ring for ring in rings if refs.get(ring.ref) != release.checksum]
    for ring in due:
        tip = repository.commit(refs[ring.ref]) if ring.ref in refs else None
        plan.check_source(ring, release, tip)
    return due


def _again(context: Context, request: Request, release: Commit) -> Road:
    """Look once more, after the gates; refuses if what was checked is not what is due any more."""
    road = look(context, request)
    if road.plan.release != release:
        raise Busy(
            f"{release.version}: something else was staged or published while the gates ran: run it again"
        )
    return road


def _moves(road: Road, release: Commit, rings: Sequence[Ring]) -> list[Move]:
    refs = road.survey.refs
    names = [road.environment.release_ref(release.version), *(ring.ref for ring in rings)] if rings else []
    moves = [Move(ref, refs.get(ref), release.checksum) for ref in names]
    return [move for move in moves if move.old != move.new]


def plan_only(context: Context, request: Request) -> dict[str, Any]:
    """Return what a promotion would do, changing nothing.

    `gates` has what is known already: None before the release is staged and checked for a ring.
    """
    environment, _ = context.config.promoting(request.environment)
    rings = _rings(environment, request)
    with context.reading(environment):
        road = look(context, request)
        found = road.plan
        moves = _planned(road, rings)
        new = found.release.checksum if found.release else None
        return {
            "outcome": PROMOTE if moves else found.outcome,
            "environment": environment.name,
            "ring": rings[-1].name,
            "build": {
                "version": found.build_version,
                "checksum": found.build,
                "timestamp": _build_timestamp(road),
            },
            "release": {"version": found.version, "serial": found.serial, "checksum": new},
            "moves": [
                {
                    "ref": move.ref,
                    "from": _named(road.survey, move.old),
                    "to": {"version": found.version, "checksum": new},
                }
                for move in moves
            ],
            "gates": {ring.name: _known(context, road, ring) for ring in rings},
            "held": _held(context, road),
            "expect": {"build": found.build, "tip": found.tip_or_none},
            "packages": _packages(road, found.release),
            "repairs": list(found.repairs),
        }


def _planned(road: Road, rings: Sequence[Ring]) -> list[Move]:
    """Return the moves of the plan, and those of the further rings that get the same release."""
    new = road.plan.release.checksum if road.plan.release else None
    moves = [Move(ring.ref, road.survey.refs.get(ring.ref), new) for ring in rings[1:]]
    return [*road.plan.moves, *(move for move in moves if new is None or move.old != new)]


def _known(context: Context, road: Road, ring: Ring) -> dict[str, Any] | None:
    """Return what the gates have said already about what would go to a ring, and what is still open."""
    release = road.plan.release
    if release is None or road.survey.refs.get(ring.ref) == release.checksum:
        return None
    try:
        run = check.current(context, road.environment, road.repository, release, ring)
        decision = admit.decide(context, road.environment, road.repository, release, ring)
    except Refused as refusal:  # which gates are in force is not known: all the rest is
        return {"results": [], "open": [str(refusal)], "approve": None}
    if run is None or decision is None:
        return None
    command = admit.approve_command(road.environment, release.version, [ring.name], decision.failed)
    return {
        "results": records.as_json(run),
        "open": [each.line for each in decision.open],
        "approve": command if decision.open else None,
    }


def _held(context: Context, road: Road) -> list[dict[str, str]]:
    """Return the holds that would refuse it."""
    live = hold.holds(context.journal.entries())
    origin = Repository(road.source.repository)
    found = hold.holding(live, road.repository, road.plan.release) if road.plan.release else []
    if not found and origin.has(road.plan.build):
        found = hold.holding(live, origin, origin.commit(road.plan.build))
    return [each.as_json() for each in found]


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
