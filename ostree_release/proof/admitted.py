"""Whether everything that went to a ring was let through: by its gates as they then stood, or by approval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..journal import timestamp_of
from ..judging import records
from ..judging.admission import Admission, admission
from ..judging.records import Run
from ..policy import Policy
from .model import Finding, Line, Seen
from .moves import Change, Moves, named


def first_check(journal: Sequence[Line]) -> int | None:
    """Return the number of the first line with what gates found: what moved earlier moved before gates."""
    return next((line.number for line in journal if (line.entry or {}).get("event") == "checked"), None)


def check(journal: Sequence[Line], moves: Moves, seen: Seen) -> Iterator[Finding]:
    """Yield the moves of a ring that no complete set of checks, current at that moment, had let through."""
    first = first_check(journal)
    if first is None:
        return
    rings = {ring.ref: ring.name for ring in seen.environment.rings}
    for change in moves.changes:
        if change.failed or change.intent.number < first:
            continue
        for ref, checksum in change.targets():
            if ref in rings and checksum:
                problem = _problem(journal, change, rings[ref], checksum, seen.environment.rules)
                if problem:
                    yield Finding(
                        change.intent.where, f"moved {rings[ref]} to {named(seen, checksum)} {problem}"
                    )


def decision(
    journal: Sequence[Line], change: Change, ring: str, checksum: str, policy: Policy
) -> tuple[Run, Admission, Line] | None:
    """Return the checks that a move of a ring stood on, what approvals made of them, and their line."""
    before = [line for line in journal[: change.intent.number - 1] if line.entry]
    tip = next(
        (move.get("from") for move in change.entry.get("moves", ()) if move.get("to") == checksum), None
    )
    for line in reversed(before):
        entry: dict[str, Any] = line.entry or {}
        if entry.get("event") != "checked" or entry.get("checksum") != checksum:
            continue
        if (entry.get("ring"), entry.get("tip")) == (ring, tip):
            run = records.run_of(entry)
            approvals = records.approvals([each.entry for each in before if each.entry], checksum, ring)
            now = timestamp_of(change.entry)
            # Whether an approver had composed the build was judged then, by the policy as it was then.
            return run, admission(run, approvals, replace(policy, by_another=False), now, None), line
    return None


def _problem(journal: Sequence[Line], change: Change, ring: str, checksum: str, policy: Policy) -> str | None:
    found = decision(journal, change, ring, checksum, policy)
    if found is None:
        return "without a check for this ring as it then stood"
    _, admitted, line = found
    if not admitted.open:
        return None
    notes = "".join(f"; {note}" for note in admitted.notes)
    return f"although line {line.number} did not let it through ({admitted.open[0].line}{notes})"
