"""The one question before a signature and before every move of a ring: may this go there?

The answer is a pure function of the recorded run of the gates, approvals and time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .. import clock
from ..access.actor import people
from ..answers import FAIL, NEEDS_APPROVAL, Finding
from ..config import Environment, Ring
from ..context import Context
from ..environments.snapshot import Snapshot
from ..errors import Busy, Refused
from ..model import Commit, following
from ..policy import Policy
from ..text import command
from . import check, holds, records
from .records import Approval, Run


@dataclass(frozen=True)
class Open:
    """A finding that nobody has approved."""

    gate: str
    finding: Finding

    @property
    def line(self) -> str:
        """Say it on one line."""
        words = "fails" if self.finding.answer == FAIL else "needs approval"
        return f"gate {self.gate} {words}: {self.finding.line}"


@dataclass(frozen=True)
class Admission:
    """The decision: admitted where nothing is open.

    + used: the approvals that it stands on
    """

    open: tuple[Open, ...]
    used: tuple[Approval, ...]
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> list[str]:
        """The gates that fail and that nobody has overridden."""
        return list(dict.fromkeys(each.gate for each in self.open if each.finding.answer == FAIL))


def admission(
    run: Run, approvals: Sequence[Approval], policy: Policy, now: int, composer: str | None
) -> Admission:
    """Decide about one run of the gates.

    + approvals: of this commit for this ring, also ended ones
    + now: seconds since 1970
    + composer: who composed the build, whose own approval does not count where the policy wants another's
    """
    notes = []
    valid = []
    for approval in approvals:
        if approval.until <= now:
            notes.append(f"the approval by {approval.actor} has ended")
        elif policy.approval.by_another and composer and people(approval.actor) & people(composer):
            notes.append(f"{approval.actor} composed this build: somebody else must approve it")
        else:
            valid.append(approval)
    open_, used = [], []
    for outcome in run.outcomes:
        for finding in outcome.findings:
            if finding.answer not in (NEEDS_APPROVAL, FAIL):
                continue
            covering = [each for each in valid if _covers(each, outcome.gate, finding)]
            used += covering[:1]
            if not covering:
                open_.append(Open(outcome.gate, finding))
    return Admission(tuple(open_), tuple(dict.fromkeys(used)), tuple(dict.fromkeys(notes)) if open_ else ())


def require(context: Context, seen: Snapshot, release: Commit, rings: Sequence[Ring]) -> None:
    """Raise Refused where a release is held, and where it may not go to one of the rings.

    A ring that has the release already is not asked about: nothing moves there.
    """
    due = [ring for ring in rings if seen.refs.get(ring.ref) != release.checksum]
    if not due:
        return
    holds.refuse_held(seen.entries, seen.repository, release)
    found = {ring.name: decide(context, seen, release, ring) for ring in due}
    if any(decision is None or decision.open for decision in found.values()):
        raise Refused(*_lines(seen.environment, release, found))


def decide(context: Context, seen: Snapshot, release: Commit, ring: Ring) -> Admission | None:
    """Return the decision about a release and a ring; None without a complete, current run of the gates."""
    run = check.current(context, seen, release, ring)
    if run is None:
        return None
    return admission(
        run,
        records.approvals(seen.entries, release.checksum, ring.name),
        seen.environment.rules,
        clock.now(),
        records.composer(seen.entries, release.build or release.checksum),
    )


def decided(context: Context, seen: Snapshot, release: Commit, ring: Ring) -> Admission:
    """Return the decision right after a run of the gates; raises Busy if what it stood on changed meanwhile.

    Nothing but another check is kept out while gates run: the ring may move, and gates may be deployed.

    + seen: as it is after them
    """
    decision = decide(context, seen, release, ring)
    if decision is None:
        raise Busy(
            f"{release.version}: {seen.environment.name}/{ring.name} or its gates changed while the gates "
            "ran: run it again"
        )
    return decision


def unchecked(environment: Environment, release: Commit, ring: Ring) -> str:
    """Say that there is no current run of the gates, and what to type."""
    return (
        f"{release.version}: not checked for {environment.name}/{ring.name} as it stands now: "
        f"ostree-release check {release.version} --to {environment.name} --ring {ring.name}"
    )


def approve_step(
    environment: Environment, version: str, rings: Iterable[str], overrides: Iterable[str]
) -> dict[str, Any]:
    """Return what to do to approve what is open."""
    names = list(rings)
    several = len(names) > 1
    first = names == [environment.rings[0].name]
    return following(
        "approve",
        environment.name,
        version=version,
        ring=None if several or first else names[-1],
        through=names[-1] if several else None,
        override=",".join(overrides),
        reason="WHY",
    )


def promote_step(environment: Environment, rings: Sequence[Ring]) -> dict[str, Any]:
    """Return what to do to promote to some rings."""
    ring = rings[-1].name
    if len(rings) > 1:
        return following("promote", environment.name, through=ring, reason="WHY")
    return following("promote", environment.name, ring=None if rings[0] == environment.rings[0] else ring)


def _lines(environment: Environment, release: Commit, found: dict[str, Admission | None]) -> list[str]:
    lines = []
    several = len(found) > 1
    failed: dict[str, None] = {}
    for name, decision in found.items():
        place = f"{environment.name}/{name}: " if several else ""
        if decision is None:
            lines.append(unchecked(environment, release, environment.ring(name)))
            continue
        lines += [f"{place}{each.line}" for each in decision.open]
        lines += [f"{place}{note}" for note in decision.notes]
        failed.update(dict.fromkeys(decision.failed))
    if None not in found.values():
        approve = approve_step(environment, release.version, found, failed)
        words = "To let it through all the same" if failed else "To approve it"
        lines.append(f"{release.version} is not let through. {words}: {command(approve)}")
    return lines


def _covers(approval: Approval, gate: str, finding: Finding) -> bool:
    if finding.id not in approval.findings:
        return False
    return finding.answer == NEEDS_APPROVAL or gate in approval.overrides
