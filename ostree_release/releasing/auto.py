"""Promotion by itself: one step at most, of the newest build or release that may take it.

Everything that decides is what decides for people too: gates, approvals, holds. Only the order is added here
(`due`), and the days on which nothing moves (`freeze`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .. import clock, freeze
from ..answers import NEEDS_APPROVAL
from ..config import Environment, Ring
from ..context import Context
from ..environments import plan, signature
from ..environments.plan import Due
from ..environments.recovery import changing
from ..environments.snapshot import Snapshot, again, look
from ..errors import Refused
from ..gates import soak
from ..gates.subject import Subject
from ..judging import admission, check, holds
from ..judging.admission import Admission
from ..model import Commit
from ..repository.reading import Repository
from ..signing import keyring
from ..text import command
from .promote import Request, promote
from .stage import stage_only

REASON = "automatic"
# Why something does not move, and, in this order, what of it a person should hear first.
SIGNATURE, APPROVAL, TIME, FAILS, HELD = "signature", "approval", "time", "fails", "held"
_URGENCY = (SIGNATURE, APPROVAL, TIME, FAILS, HELD)


@dataclass(frozen=True)
class Verdict:
    """What keeps a build or release from a ring.

    + why: SIGNATURE, APPROVAL, TIME, FAILS or HELD
    """

    version: str
    checksum: str
    why: str
    line: str


def auto(context: Context, name: str) -> dict[str, Any]:
    """Take the next step that is due, or say what it waits for; returns the result as it is printed.

    A step that an interruption left half done is completed first, and is then the one of this run: its ring
    has it for a while before the next one. While nothing moves nothing is written to the journal, but when a
    candidate is staged and checked, once.
    """
    environment, _ = context.config.promoting(name)
    with changing(context, environment, "auto") as settled:
        completed = [ring.name for ring in environment.rings if ring.ref in settled.moved]
    if completed:
        where = f"{environment.name}/{', '.join(completed)}"
        words = "had been moved, and something interrupted that: it is complete now, and the next run goes on"
        done = _result("repaired", environment, [], f"{where} {words}")
    else:
        done = _step(context, environment)
    return {**done, "repaired": [*settled.lines, *done.get("repaired", ())]}


def _step(context: Context, environment: Environment) -> dict[str, Any]:
    today = freeze.local_day(clock.now())
    window = freeze.frozen_by(environment.freeze, today)
    if window:
        end = freeze.thaws(environment.freeze, today)
        return _result("waiting", environment, [], f"frozen ({window}) until {end or 'the settings change'}")
    with context.reading(environment):
        seen = look(context, environment)
        todo = _todo(seen)
    if todo is None:
        return _result("nothing", environment, [], None)
    passed: list[Verdict] = []
    for commit in todo.builds or (todo.release,):
        assert commit is not None
        judged = _later_ring if todo.release else _first_ring
        with context.reading(environment):
            now = again(context, seen)
        verdict = judged(context, now, todo.ring, commit)
        if verdict is None:
            build = None if todo.release else commit.checksum
            request = Request(environment.name, build=build, ring=todo.ring.name, reason=REASON)
            done = promote(context, request)
            return {**done, "passed": [asdict(each) for each in passed]}
        passed.append(verdict)
    first = min(reversed(passed), key=lambda each: _URGENCY.index(each.why))  # the oldest is due first
    where = f"{environment.name}/{todo.ring.name}"
    return _result("waiting", environment, passed, f"{where} waits with {first.version}: {first.line}")


def _todo(seen: Snapshot) -> Due | None:
    live = holds.holds(seen.entries)
    held = {tip.checksum for tip in seen.tips.values() if holds.holding(live, seen.repository, tip)}
    return plan.due(seen, seen.origin.history(seen.source.ref), held)


def _first_ring(context: Context, seen: Snapshot, ring: Ring, build: Commit) -> Verdict | None:
    """Return what keeps a build from the first ring; stages and checks it if only that can tell."""
    held = _held(context, seen, seen.origin, build)
    if held:
        return held
    try:
        candidate = plan.promote(seen, ring, build).release
    except Refused as refusal:
        return Verdict(build.version, build.checksum, FAILS, str(refusal))
    if candidate is None:
        early = _soaking(context, seen, ring, build)
        if early:
            return early
        staged = stage_only(context, seen.environment.name, build.checksum)
        candidate = seen.repository.commit(staged["release"]["checksum"])
    return _judged(context, seen, ring, candidate) or _unsigned(context, seen, candidate)


def _later_ring(context: Context, seen: Snapshot, ring: Ring, release: Commit) -> Verdict | None:
    return _held(context, seen, seen.repository, release) or _judged(context, seen, ring, release)


def _held(context: Context, seen: Snapshot, repository: Repository, commit: Commit) -> Verdict | None:
    with context.reading(seen.environment):  # it may have to look what packages it has
        found = holds.holding(holds.holds(seen.entries), repository, commit)
    if not found:
        return None
    line = f"held ({found[0].kind} {found[0].label}): {found[0].reason}; by {found[0].actor}"
    return Verdict(commit.version, commit.checksum, HELD, line)


def _soaking(context: Context, seen: Snapshot, ring: Ring, build: Commit) -> Verdict | None:
    """Return what a build waits for in dev: asked before it is staged, so that none is staged too early."""
    options = seen.environment.rules.on.get("soak")
    if options is None:
        return None
    outcome = soak.judge(Subject(context, seen, build, ring, options))
    if not outcome.findings:
        return None
    why = TIME if outcome.answer == NEEDS_APPROVAL else FAILS
    return Verdict(build.version, build.checksum, why, outcome.line)


def _judged(context: Context, seen: Snapshot, ring: Ring, release: Commit) -> Verdict | None:
    """Return what of the gates' findings is open; what was checked is not asked again, but what failed."""
    environment = seen.environment
    with check.checking(context, environment):
        check.judge(context, again(context, seen), release, ring)
        decision = admission.decided(context, again(context, seen), release, ring)
    if not decision.open:
        return None
    why = _why(decision)
    lines = [each.line for each in decision.open] + list(decision.notes)
    if why != TIME:
        step = admission.approve_step(environment, release.version, [ring.name], decision.failed)
        lines.append(f"to let it through: {command(step)}")
    return Verdict(release.version, release.checksum, why, "; ".join(lines))


def _unsigned(context: Context, seen: Snapshot, candidate: Commit) -> Verdict | None:
    """Return that a person must sign, where the key is not on this server."""
    environment = seen.environment
    if not environment.offline or not signature.missing(context, environment, seen.repository, candidate):
        return None
    line = signature.unsigned(environment, candidate, keyring.in_use(context.config, environment))
    return Verdict(candidate.version, candidate.checksum, SIGNATURE, line)


def _why(decision: Admission) -> str:
    if decision.failed:
        return FAILS
    return TIME if all(each.gate in check.LIVE for each in decision.open) else APPROVAL


def _result(
    outcome: str, environment: Environment, passed: Sequence[Verdict], line: str | None
) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "environment": environment.name,
        "passed": [asdict(each) for each in passed],
        "line": line,
    }
