"""Whether everything that went to a ring was let through: by its gates as they then stood, or by approval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import Refused
from ..journal import moves_of, timestamp_of
from ..judging import holds, records
from ..judging.admission import Admission, admission
from ..judging.holds import Hold
from ..judging.records import Run
from ..model import Commit, Entry
from ..policy import Policy
from .evidence import Finding, Line, Seen
from .moves import Change, Moves, named


@dataclass
class Judged:
    """What the journal says about commits: the checks and the approvals of each, and the holds, oldest first.

    + first: number of the first line with what gates found; what moved earlier moved before gates
    + malformed: lines that are none of these, though they say so
    + holds: entries that hold, or release a hold, by line
    """

    first: int | None = None
    checked: dict[str, list[Line]] = field(default_factory=dict)
    approved: dict[str, list[Line]] = field(default_factory=dict)
    malformed: list[Line] = field(default_factory=list)
    holds: dict[int, Entry] = field(default_factory=dict)

    def before_gates(self, change: Change) -> bool:
        """Say whether a change was begun before anything was checked."""
        return self.first is None or change.intent.number < self.first

    def holding(self, change: Change, commit: Commit) -> list[Hold]:
        """Return the holds of a commit, by what it says itself, when a change was begun."""
        live = holds.holds(entry for number, entry in self.holds.items() if number < change.intent.number)
        names = holds.names_of(commit)
        return [each for each in live if each.value in names.get(each.kind, ())]


def judged(journal: Sequence[Line]) -> Judged:
    """Return what a journal says about commits."""
    found = Judged()
    for line in journal:
        entry = line.entry or {}
        if entry.get("event") in ("held", "released-hold"):
            found.holds[line.number] = {**entry, "hash": line.hash}
            held = holds.holds([found.holds[line.number]])
            found.malformed += [line for each in held if each.kind == holds.UNREADABLE]
        by_event = {"checked": found.checked, "approved": found.approved}.get(str(entry.get("event")))
        if by_event is None:
            continue
        if by_event is found.checked:
            found.first = found.first or line.number
        if records.is_well_formed(entry):
            by_event.setdefault(entry["checksum"], []).append(line)
        else:
            found.malformed.append(line)
    return found


def check(known: Judged, moves: Moves, seen: Seen) -> Iterator[Finding]:
    """Yield the moves of a ring to what was held, or what no check with every gate that was on let through.

    The check is the newest of that moment for the ring as it stood.
    """
    for line in known.malformed:
        yield Finding(line.where, "is no check, approval or hold as this program writes them")
    rings = {ring.ref: ring.name for ring in seen.environment.rings}
    for change in moves.changes:
        if change.failed or known.before_gates(change):
            continue
        for ref, checksum in change.targets():
            if ref in rings and checksum:
                problem = _problem(known, change, rings[ref], checksum, seen)
                if problem:
                    yield Finding(
                        change.intent.where, f"moved {rings[ref]} to {named(seen, checksum)} {problem}"
                    )


def decision(
    known: Judged, change: Change, ring: str, checksum: str, policy: Policy
) -> tuple[Run, Admission, Line] | None:
    """Return the checks that a move of a ring stood on, what approvals made of them, and their line."""
    try:
        now = timestamp_of(change.entry)
    except Refused:
        return None
    tip = next((move.get("from") for move in moves_of(change.entry) if move.get("to") == checksum), None)
    for line in reversed(known.checked.get(checksum, ())):
        entry: dict[str, Any] = line.entry or {}
        earlier = line.number < change.intent.number
        if earlier and (entry.get("ring"), entry.get("tip")) == (ring, tip):
            run = records.run_of(entry)
            given = [each for each in known.approved.get(checksum, ()) if each.number < change.intent.number]
            approvals = records.approvals([each.entry or {} for each in given], checksum, ring)
            # Whether an approver had composed the build was judged then, by the policy as it was then.
            by_anybody = replace(policy, approval=replace(policy.approval, by_another=False))
            return run, admission(run, approvals, by_anybody, now, None), line
    return None


def _problem(known: Judged, change: Change, ring: str, checksum: str, seen: Seen) -> str | None:
    image = seen.images.get(checksum)
    holds = known.holding(change, image.commit) if image else []
    if holds:
        return f"although it was held ({holds[0].kind} {holds[0].label}: {holds[0].reason})"
    found = decision(known, change, ring, checksum, seen.environment.rules)
    if found is None:
        return "without a check for this ring as it then stood"
    _, admitted, line = found
    if not admitted.open:
        return None
    notes = "".join(f"; {note}" for note in admitted.notes)
    return f"although line {line.number} did not let it through ({admitted.open[0].line}{notes})"
