"""Which entry moved which ref: the journal's moves, made again, and compared with the refs as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..journal import moves_of
from ..text import short
from .evidence import Finding, Line, Seen

_EVENTS = ("intent", "done", "failed")


@dataclass
class Change:
    """One change of refs: the entry that began it, and the one that ended it, if any did."""

    intent: Line
    end: Line | None = None

    @property
    def entry(self) -> dict[str, Any]:
        """What the change's first entry says."""
        return self.intent.entry or {}

    @property
    def failed(self) -> bool:
        """Whether the journal says that nothing came of it."""
        return self.end is not None and (self.end.entry or {}).get("event") == "failed"

    @property
    def line(self) -> Line:
        """The entry that says how it ended, or that it began."""
        return self.end or self.intent

    def targets(self) -> list[tuple[str, str | None]]:
        """Return each ref with the commit that it was moved to."""
        return [(str(move.get("ref")), move.get("to")) for move in moves_of(self.entry)]


@dataclass
class Place:
    """Where a ref may be: one commit, or two while nothing has ended a move (None: there is no ref)."""

    values: set[str | None] = field(default_factory=lambda: {None})
    line: Line | None = None


@dataclass
class Moves:
    """What an environment's entries say: its changes, where that leaves each ref, and what is wrong.

    + by_target: the changes of an action that moved something to a commit
    """

    changes: list[Change] = field(default_factory=list)
    by_target: dict[tuple[str, str], list[Change]] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def to(self, action: str, checksum: str) -> list[Change]:
        """Return the changes of an action that moved something to a commit and have not failed.

        Of those that failed, the last, where there is no other: an interruption may have left half of it.
        """
        found = self.by_target.get((action, checksum), [])
        return [change for change in found if not change.failed] or found[-1:]


def replay(journal: Sequence[Line], name: str) -> Moves:
    """Make an environment's moves again.

    + name: the environment's

    An interruption can leave some refs of one transaction moved: after a change that has not ended, or has
    failed, a ref may be at either end.
    """
    moves = Moves()
    begun: dict[str, Change] = {}
    for line in journal:
        entry = line.entry or {}
        if entry.get("environment") != name or entry.get("event") not in _EVENTS:
            continue
        if entry["event"] == "intent":
            begun[line.hash] = change = Change(line)
            moves.changes.append(change)
            for target in {new for _, new in change.targets() if new}:
                moves.by_target.setdefault((str(entry.get("action")), target), []).append(change)
            _begin(moves, line)
        elif str(entry.get("intent")) not in begun:
            moves.findings.append(Finding(line.where, "ends a change that no entry began"))
        else:
            change = begun[entry["intent"]]
            change.end = line
            if entry["event"] == "done":
                if entry.get("moves") != change.entry.get("moves"):
                    words = f"moved something else than line {change.intent.number} began"
                    moves.findings.append(Finding(line.where, words))
                for move in moves_of(line.entry or {}):
                    moves.places[str(move.get("ref"))] = Place({move.get("to")}, line)
    return moves


def refs(moves: Moves, seen: Seen) -> Iterator[Finding]:
    """Yield every ref that is not where the journal's last move left it."""
    for ref in sorted({*moves.places, *seen.refs}):
        place = moves.places.get(ref, Place())
        now = seen.refs.get(ref)
        if now in place.values:
            continue
        if place.line is None:
            yield Finding(ref, f"is at {named(seen, now)}, and no entry ever moved it: made by hand")
            continue
        was = " or ".join(sorted(named(seen, value) for value in place.values))
        moved = "is gone" if now is None else f"is at {named(seen, now)}"
        yield Finding(ref, f"{moved}, but line {place.line.number} left it at {was}: moved by hand")


def unstaged(moves: Moves, seen: Seen) -> Iterator[Finding]:
    """Yield every release that no entry made."""
    for ref, image in seen.releases.items():
        if not moves.to("stage", image.commit.checksum):
            yield Finding(ref, f"no entry staged {short(image.commit.checksum)}: a release without entry")


def named(seen: Seen, checksum: str | None) -> str:
    """Return a commit's version and the beginning of its checksum, as far as it is known."""
    image = seen.images.get(checksum or "")
    return f"{image.commit.version} ({short(checksum)})" if image else short(checksum)


def _begin(moves: Moves, line: Line) -> None:
    for move in moves_of(line.entry or {}):
        ref, old, new = str(move.get("ref")), move.get("from"), move.get("to")
        place = moves.places.setdefault(ref, Place())
        restored = old is None and new in place.values
        if old not in place.values and not restored:
            words = f"found {ref} at {short(old)}, where no entry had put it: moved by hand before"
            moves.findings.append(Finding(line.where, words))
        place.values.add(new)
        place.line = place.line or line
