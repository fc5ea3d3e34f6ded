"""Deciding whether a candidate may be signed and moved: a pure function of gates, approvals and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..access.actor import people
from ..gates.model import FAIL, NEEDS_APPROVAL, Finding
from ..policy import Policy
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
    """The decision: admitted where nothing is open. used: the approvals that it stands on."""

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

    approvals: of this commit for this ring, also ended ones; now: seconds since 1970; composer: who composed
    the build, whose own approval does not count where the policy wants another's.
    """
    notes = []
    valid = []
    for approval in approvals:
        if approval.until <= now:
            notes.append(f"the approval by {approval.actor} has ended")
        elif policy.by_another and composer and people(approval.actor) & people(composer):
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


def _covers(approval: Approval, gate: str, finding: Finding) -> bool:
    if finding.id not in approval.findings:
        return False
    return finding.answer == NEEDS_APPROVAL or gate in approval.overrides
