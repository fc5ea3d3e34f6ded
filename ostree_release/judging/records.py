"""What the journal says about a candidate: the runs of its gates, and who approved what."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..answers import ANSWERS, Finding, Outcome, worst
from ..errors import Refused
from ..journal import moves_of, timestamp_of
from ..model import Entry

# What one gate may say in the journal, whose lines stay short; the file beside it has the data.
_KEPT = 100  # findings
_LINE = 500  # characters of a line
_ID = 300  # characters of a finding's id


@dataclass(frozen=True)
class Run:
    """One complete run of an environment's gates on one commit, for one ring as it stood.

    + tip: what the ring had, None for nothing
    + policy: digest of the gates and thresholds in force
    """

    checksum: str
    ring: str
    tip: str | None
    policy: str
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True)
class Approval:
    """What one approver let through: exactly these findings, and the failures of these gates.

    + until: seconds since 1970 when it ends
    """

    actor: str
    reason: str
    until: int
    findings: frozenset[str]
    overrides: frozenset[str]


def newest_run(
    entries: Sequence[Entry], checksum: str, ring: str, tip: str | None, policy: str | None = None
) -> Run | None:
    """Return the newest run on a commit for a ring as it stands, or None.

    + policy: None for any
    """
    for entry in reversed(entries):
        if entry.get("event") != "checked" or not is_well_formed(entry):
            continue
        if (entry["checksum"], entry["ring"]) != (checksum, ring):
            continue
        if entry["tip"] == tip and policy in (None, entry["policy"]):
            return run_of(entry)
    return None


def is_well_formed(entry: Entry) -> bool:
    """Say whether a `checked` or `approved` entry is as this program writes them; no other one counts.

    A check must have every gate that it says was on; those of before did not say, and must have one.
    """
    try:
        timestamp_of(entry)
        if entry["event"] == "checked":
            run = run_of(entry)
            words = [run.checksum, run.ring, run.policy, run.tip or ""]
            answers = {found.answer for outcome in run.outcomes for found in outcome.findings}
            gates = [outcome.gate for outcome in run.outcomes]
            is_complete = gates == entry["gates"] if "gates" in entry else gates != []
            return is_complete and answers <= {*ANSWERS} and all(isinstance(word, str) for word in words)
        lists = [entry[name] for name in ("rings", "findings", "overrides")]
        words = [
            entry["checksum"],
            entry["actor"],
            entry["reason"],
            *(word for each in lists for word in each),
        ]
        return (
            isinstance(entry["until"], int)
            and all(isinstance(each, list) for each in lists)
            and all(isinstance(word, str) for word in words)
        )
    except (Refused, KeyError, TypeError):
        return False


def run_of(entry: Entry) -> Run:
    """Return the run that a `checked` entry records."""
    outcomes = tuple(
        Outcome(each["gate"], tuple(Finding(**finding) for finding in each["findings"]), each["line"])
        for each in entry["results"]
    )
    return Run(entry["checksum"], entry["ring"], entry["tip"], entry["policy"], outcomes)


def approvals(entries: Iterable[Entry], checksum: str, ring: str) -> list[Approval]:
    """Return every approval of a commit for a ring, oldest first, also those that have ended."""
    return [
        Approval(
            actor=entry["actor"],
            reason=entry["reason"],
            until=entry["until"],
            findings=frozenset(entry["findings"]),
            overrides=frozenset(entry["overrides"]),
        )
        for entry in entries
        if entry.get("event") == "approved"
        and is_well_formed(entry)
        and entry["checksum"] == checksum
        and ring in entry["rings"]
    ]


def composer(entries: Iterable[Entry], build: str) -> str | None:
    """Return who composed a build, or None where the journal does not know."""
    for entry in entries:
        composed = entry.get("action") == "compose" and entry.get("event") == "done"
        if composed and any(move.get("to") == build for move in moves_of(entry)):
            return str(entry.get("actor"))
    return None


def as_json(run: Run) -> list[dict[str, Any]]:
    """Return a run's outcomes as the journal has them and `check` prints them."""
    return [
        {
            "gate": outcome.gate,
            "answer": outcome.answer,
            "line": outcome.line,
            "findings": [asdict(finding) for finding in outcome.findings],
        }
        for outcome in run.outcomes
    ]


def findings(run: Run) -> list[tuple[str, str, str]]:
    """Return the gate, id and answer of everything that was found: what an admission depends on."""
    return [(each.gate, found.id, found.answer) for each in run.outcomes for found in each.findings]


def shortened(outcome: Outcome) -> Outcome:
    """Return an outcome that fits into the journal: its lines cut, findings beyond the limit become one."""
    found = tuple(Finding(_named(each.id), each.answer, _cut(each.line)) for each in outcome.findings)
    kept, more = found[:_KEPT], found[_KEPT:]
    if more:
        rest = Finding(
            id=f"{outcome.gate}:more:{digest(finding.id for finding in more)}",
            answer=worst(finding.answer for finding in more),
            line=f"and {len(more)} more",
        )
        kept = (*kept, rest)
    return Outcome(outcome.gate, kept, _cut(outcome.line), outcome.data)


def digest(ids: Iterable[str]) -> str:
    """Return a short name of a set of findings, which changes with any of them."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()[:16]


def _cut(line: str) -> str:
    return line if len(line) <= _LINE else f"{line[: _LINE - 1]}…"


def _named(identifier: str) -> str:
    """Return an id that is not too long, and still no other finding's."""
    if len(identifier) <= _ID:
        return identifier
    end = f"…:{digest([identifier])}"
    return f"{identifier[: _ID - len(end)]}{end}"
