"""Promotion by itself: one step at most, of the newest build or release that may take it.

Everything that decides is what decides for people too: gates, approvals, holds. Only the order is added here
(`due`), and the days on which nothing moves (`freeze`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .. import clock
from ..config import Environment, Ring
from ..context import Context
from ..errors import Refused
from ..gates import soak
from ..gates.model import NEEDS_APPROVAL, Subject
from ..judging import admit, check, hold
from ..judging.admission import Admission
from ..model import Commit
from ..repo import Repository
from ..signing import keyring
from ..signing.sign import unsigned
from . import freeze
from .due import Due, due
from .plan import promote as plan
from .promote import promote
from .road import Request, look_at
from .steps import stage_only
from .survey import Survey

REASON = "automatic"
# Why something does not move, and, in this order, what of it a person should hear first.
SIGNATURE, APPROVAL, TIME, FAILS, HELD = "signature", "approval", "time", "fails", "held"
_URGENCY = (SIGNATURE, APPROVAL, TIME, FAILS, HELD)


@dataclass(frozen=True)
class Verdict:
    """What keeps a build or release from a ring. why: SIGNATURE, APPROVAL, TIME, FAILS or HELD."""

    version: str
    checksum: str
    why: str
    line: str

    def as_json(self) -> dict[str, str]:
        """Return it as it is printed."""
        return {"version": self.version, "checksum": self.checksum, "why": self.why, "line": self.line}


@dataclass(frozen=True)
class _Road:
    """What one run works on."""

    context: Context
    environment: Environment
    repository: Repository
    origin: Repository
    survey: Survey
    ring: Ring


def auto(context: Context, name: str) -> dict[str, Any]:
    """Take the next step that is due, or say what it waits for; returns the result as it is printed.

    A step that an interruption left half done is completed first, and is then the one of this run: its ring
    has it for a while before the next one. While nothing moves nothing is written to the journal, but when a
    candidate is staged and checked, once.
    """
    environment, _ = context.config.promoting(name)
    with context.changing(environment, "auto") as repair:
        completed = [ring.name for ring in environment.rings if ring.ref in repair.moved]
    done = _completed(environment, completed) if completed else _step(context, environment)
    return {**done, "repaired": [*repair.lines, *done.get("repaired", ())]}


def _completed(environment: Environment, rings: Sequence[str]) -> dict[str, Any]:
    return {
        "outcome": "repaired",
        "environment": environment.name,
        "passed": [],
        "line": f"{environment.name}/{', '.join(rings)} had been moved, and something interrupted that: it "
        "is complete now, and the next run goes on",
    }


def _step(context: Context, environment: Environment) -> dict[str, Any]:
    today = freeze.local_day(clock.now())
    window = freeze.frozen_by(environment.freeze, today)
    if window:
        end = freeze.thaws(environment.freeze, today)
        return _waiting(environment, [], f"frozen ({window}) until {end or 'the settings change'}")
    with context.reading(environment):
        road, todo = _look(context, environment)
    if todo is None:
        return {"outcome": "nothing", "environment": environment.name, "passed": [], "line": None}
    passed: list[Verdict] = []
    for commit in todo.builds or (todo.release,):
        assert commit is not None
        verdict = _later_ring(road, commit) if todo.release else _first_ring(road, commit)
        if verdict is None:
            build = None if todo.release else commit.checksum
            request = Request(environment.name, build=build, ring=todo.ring.name, reason=REASON)
            done = promote(context, request)
            return {**done, "passed": [each.as_json() for each in passed]}
        passed.append(verdict)
    first = min(reversed(passed), key=lambda each: _URGENCY.index(each.why))  # the oldest is due first
    where = f"{environment.name}/{todo.ring.name}"
    return _waiting(environment, passed, f"{where} waits with {first.version}: {first.line}")


def _look(context: Context, environment: Environment) -> tuple[_Road, Due | None]:
    _, source = context.config.promoting(environment.name)
    repository, origin = Repository(environment.repository), Repository(source.repository)
    survey = look_at(context, environment, repository)
    live = hold.holds(context.journal.entries())
    tips = filter(None, (survey.at(ring.ref) for ring in environment.rings))
    held = {tip.checksum for tip in tips if hold.holding(live, repository, tip)}
    found = due(survey, origin.history(source.ref), held)
    ring = found.ring if found else environment.rings[0]
    return _Road(context, environment, repository, origin, survey, ring), found


def _first_ring(road: _Road, build: Commit) -> Verdict | None:
    """Return what keeps a build from the first ring; stages and checks it if only that can tell."""
    held = _held(road, road.origin, build)
    if held:
        return held
    try:
        candidate = plan(road.survey, road.ring, build).release
    except Refused as refusal:
        return Verdict(build.version, build.checksum, FAILS, str(refusal))
    if candidate is None:
        early = _soaking(road, build)
        if early:
            return early
        staged = stage_only(road.context, Request(road.environment.name, build=build.checksum))
        candidate = road.repository.commit(staged["release"]["checksum"])
    return _judged(road, candidate) or _unsigned(road, candidate)


def _later_ring(road: _Road, release: Commit) -> Verdict | None:
    return _held(road, road.repository, release) or _judged(road, release)


def _held(road: _Road, repository: Repository, commit: Commit) -> Verdict | None:
    with road.context.reading(road.environment):
        found = hold.holding(hold.holds(road.context.journal.entries()), repository, commit)
    if not found:
        return None
    line = f"held ({found[0].kind} {found[0].label}): {found[0].reason}; by {found[0].actor}"
    return Verdict(commit.version, commit.checksum, HELD, line)


def _soaking(road: _Road, build: Commit) -> Verdict | None:
    """Return what a build waits for in dev: asked before it is staged, so that none is staged too early."""
    options = road.environment.rules.gates.get("soak")
    if options is None:
        return None
    _, source = road.context.config.promoting(road.environment.name)
    outcome = soak.judge(
        Subject(
            context=road.context,
            environment=road.environment,
            source=source,
            repository=road.origin,
            origin=road.origin,
            candidate=build,
            build=build.checksum,
            ring=road.ring,
            tip=road.survey.at(road.ring.ref),
            options=options,
        )
    )
    if not outcome.findings:
        return None
    why = TIME if outcome.answer == NEEDS_APPROVAL else FAILS
    return Verdict(build.version, build.checksum, why, outcome.line)


def _judged(road: _Road, release: Commit) -> Verdict | None:
    """Return what of the gates' findings is open; what was checked is not asked again, but what failed."""
    environment, ring = road.environment, road.ring
    with check.checking(road.context, environment):
        check.judge(road.context, environment, road.repository, release, ring)
        decision = admit.decided(road.context, environment, road.repository, release, ring)
    if not decision.open:
        return None
    why = _why(decision)
    lines = [each.line for each in decision.open] + list(decision.notes)
    if why != TIME:
        command = admit.approve_command(environment, release.version, [ring.name], decision.failed)
        lines.append(f"to let it through: {command}")
    return Verdict(release.version, release.checksum, why, "; ".join(lines))


def _unsigned(road: _Road, candidate: Commit) -> Verdict | None:
    """Return that a person must sign, where the key is not on this server."""
    if not road.environment.offline:
        return None
    key = keyring.in_use(road.context, road.environment)
    if key in road.repository.signed_with(candidate.checksum, road.environment.public_key):
        return None
    line = unsigned(road.environment, candidate, key)
    return Verdict(candidate.version, candidate.checksum, SIGNATURE, line)


def _why(decision: Admission) -> str:
    if decision.failed:
        return FAILS
    return TIME if all(each.gate in check.LIVE for each in decision.open) else APPROVAL


def _waiting(environment: Environment, passed: Sequence[Verdict], line: str) -> dict[str, Any]:
    return {
        "outcome": "waiting",
        "environment": environment.name,
        "passed": [each.as_json() for each in passed],
        "line": line,
    }
