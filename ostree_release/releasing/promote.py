"""Promotion: a build, or what is in the ring before, goes to a ring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..config import Environment, Ring
from ..context import Context
from ..environments import find, plan
from ..environments.plan import PROMOTE, Plan
from ..environments.recovery import changing
from ..environments.snapshot import Snapshot, again, look
from ..errors import Busy, Refused
from ..images import pkglist
from ..images.pkglist import Diff
from ..judging import admission, check, holds, records
from ..judging.check import checking, judge
from ..model import Commit, Move
from .publish import after, publish
from .sign import sign
from .stage import stage


@dataclass(frozen=True)
class Request:
    """What somebody asked for.

    + through: the last ring of those that get one release in one run, beginning with the first
    + expect_build, expect_tip: checksums of an earlier plan, still due
    + laptop_gate: a gate that passed on the laptop
    """

    environment: str
    build: str | None = None
    ring: str | None = None
    reason: str | None = None
    expect_build: str | None = None
    expect_tip: str | None = None
    through: str | None = None
    laptop_gate: str | None = None

    @property
    def details(self) -> dict[str, str]:
        """What the journal is to say of the moves."""
        given = {"reason": self.reason, "through": self.through, "laptop_gate": self.laptop_gate}
        return {key: value for key, value in given.items() if value}

    def rings(self, environment: Environment) -> tuple[Ring, ...]:
        """Return the rings that get the release, in order."""
        if self.through is None:
            return (environment.ring(self.ring),)
        if self.ring is not None:
            raise Refused(f"ring {self.ring} and through {self.through}: give one of them")
        if not (self.reason or "").strip():
            raise Refused(f"through {self.through}: no ring tries it for the next one, so give a reason")
        return environment.rings_up_to(self.through)


def promote(context: Context, request: Request) -> dict[str, Any]:
    """Promote, or repair what an interrupted promotion left; returns the result as it is printed.

    Every step does only what is still missing, so that running it again completes whatever stopped it.
    Nobody waits for the gates: the writer lock is free while they run, and everything is decided again after
    them, about the build that was the newest at the beginning.
    """
    environment, _ = context.config.promoting(request.environment)
    rings = request.rings(environment)
    with changing(context, environment, "promote") as settled:
        seen = look(context, environment, settled.entries)
        build = find.build_for(context.config, seen, rings[0], request.build)
        due = plan.promote(seen, rings[0], build).as_expected(request.expect_build, request.expect_tip)
        release = stage(context, seen, due)
        moving = plan.moving(seen, release, rings)
        if not moving:
            return _finish(context, request, seen, due, release, settled.lines)
    with checking(context, environment):
        seen = again(context, seen)
        for ring in moving:
            judge(context, seen, release, ring)
    with changing(context, environment, "promote") as later:
        seen = look(context, environment, later.entries)
        due = plan.promote(seen, rings[0], build).as_expected(request.expect_build, request.expect_tip)
        if due.release != release:  # what was checked is not what is due any more
            raise Busy(
                f"{release.version}: something else was staged or published while the gates ran: run it again"
            )
        return _finish(context, request, seen, due, release, (*settled.lines, *later.lines))


def _finish(
    context: Context, request: Request, seen: Snapshot, due: Plan, release: Commit, repaired: Sequence[str]
) -> dict[str, Any]:
    """Sign and publish a release, as far as that is still missing; returns the result as it is printed.

    + repaired: what was completed before, in words
    """
    rings = request.rings(seen.environment)
    missing = sign(context, seen, release, rings)
    for ring in rings:
        missing += publish(context, seen, release, ring, request.details)
    moves = _moves(seen, release, plan.moving(seen, release, rings))
    return {
        "outcome": "promoted" if moves else "repaired" if repaired or missing else "unchanged",
        "environment": seen.environment.name,
        "ring": rings[-1].name,
        "actor": context.actor,
        "build": {"version": due.build_version, "checksum": due.build},
        "release": release.as_json(),
        "moves": [move.as_json() for move in moves],
        "repaired": [*repaired, *([] if moves else missing)],
        "packages": _packages(seen, due),
        "rings": _standing(seen, release, rings),
        "next": after(seen, release, rings[-1]),
    }


def _moves(seen: Snapshot, release: Commit, rings: Sequence[Ring]) -> list[Move]:
    """Return what a run has moved.

    + seen: before it did
    """
    names = [seen.environment.release_ref(release.version), *(ring.ref for ring in rings)] if rings else []
    moves = [Move(ref, seen.refs.get(ref), release.checksum) for ref in names]
    return [move for move in moves if move.old != move.new]


def _standing(seen: Snapshot, release: Commit, rings: Sequence[Ring]) -> dict[str, str | None]:
    """Return the version that every ring has after a run.

    + seen: before it
    """
    tips = {ring.name: seen.tips.get(ring.ref) for ring in seen.environment.rings}
    tips |= {ring.name: release for ring in rings}
    return {name: tip.version if tip else None for name, tip in tips.items()}


def plan_only(context: Context, request: Request) -> dict[str, Any]:
    """Return what a promotion would do, changing nothing.

    `gates` has what is known already: None before the release is staged and checked for a ring.
    """
    environment, _ = context.config.promoting(request.environment)
    rings = request.rings(environment)
    with context.reading(environment):
        seen = look(context, environment)
        build = find.build_for(context.config, seen, rings[0], request.build)
        due = plan.promote(seen, rings[0], build).as_expected(request.expect_build, request.expect_tip)
        moves = _planned(seen, due, rings)
        new = due.release.checksum if due.release else None
        return {
            "outcome": PROMOTE if moves else due.outcome,
            "environment": environment.name,
            "ring": rings[-1].name,
            "build": {
                "version": due.build_version,
                "checksum": due.build,
                "timestamp": seen.origin.commit(due.build).timestamp if seen.origin.has(due.build) else None,
            },
            "release": {"version": due.version, "serial": due.serial, "checksum": new},
            "moves": [
                {
                    "ref": move.ref,
                    "from": _named(seen, move.old),
                    "to": {"version": due.version, "checksum": new},
                }
                for move in moves
            ],
            "gates": {ring.name: _known(context, seen, due.release, ring) for ring in rings},
            "held": [each.as_json() for each in _held(seen, due)],
            "expect": {"build": due.build, "tip": due.tip_or_none},
            "packages": _packages(seen, due),
            "repairs": list(due.repairs),
        }


def _planned(seen: Snapshot, due: Plan, rings: Sequence[Ring]) -> list[Move]:
    """Return the moves of the plan, and those of the further rings that get the same release."""
    new = due.release.checksum if due.release else None
    moves = [Move(ring.ref, seen.refs.get(ring.ref), new) for ring in rings[1:]]
    return [*due.moves, *(move for move in moves if new is None or move.old != new)]


def _known(context: Context, seen: Snapshot, release: Commit | None, ring: Ring) -> dict[str, Any] | None:
    """Return what the gates have said already about what would go to a ring, and what is still open."""
    if release is None or seen.refs.get(ring.ref) == release.checksum:
        return None
    try:
        run = check.current(context, seen, release, ring)
        decision = admission.decide(context, seen, release, ring)
    except Refused as refusal:  # which gates are in force is not known: all the rest is
        return {"results": [], "open": [str(refusal)], "approve": None}
    if run is None or decision is None:
        return None
    approve = admission.approve_step(seen.environment, release.version, [ring.name], decision.failed)
    return {
        "results": records.as_json(run),
        "open": [each.line for each in decision.open],
        "approve": approve if decision.open else None,
    }


def _held(seen: Snapshot, due: Plan) -> list[holds.Hold]:
    """Return the holds that would refuse it."""
    live = holds.holds(seen.entries)
    found = holds.holding(live, seen.repository, due.release) if due.release else []
    if not found and seen.origin.has(due.build):
        found = holds.holding(live, seen.origin, seen.origin.commit(due.build))
    return found


def _packages(seen: Snapshot, due: Plan) -> Diff:
    """Return what changes for the ring's clients, also before the release is staged."""
    old = (seen.repository, due.tip.checksum) if due.tip else None
    new = (seen.repository, due.release.checksum) if due.release else (seen.origin, due.build)
    return pkglist.between(old, new)


def _named(seen: Snapshot, checksum: str | None) -> dict[str, str] | None:
    return None if checksum is None else {"version": seen.commits[checksum].version, "checksum": checksum}
