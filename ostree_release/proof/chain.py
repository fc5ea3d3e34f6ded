"""The journal's chain: whether its lines follow from each other, and are those that were signed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from ..anchors import Anchor
from ..journal import START, line_hash
from ..text import short
from .evidence import Finding, Line, Seen
from .releases import signed_by

# Everything that this program writes; an entry of another event was put in by somebody else.
EVENTS = frozenset(
    {
        *("intent", "done", "failed", "shown", "signed", "anchored"),
        *("checked", "approved", "held", "released-hold", "reported", "key"),
    }
)
JOURNAL = "journal"


def lines(content: bytes) -> list[Line]:
    """Return the lines of a journal; what stands after the last line's end was torn, and is none."""
    found = []
    end = 0
    for number, raw in enumerate(content.split(b"\n")[:-1], start=1):
        end += len(raw) + 1
        try:
            entry = json.loads(raw)
        except ValueError:
            entry = None  # torn by a crash: the next line names its hash
        else:
            entry = entry if isinstance(entry, dict) else {}
        found.append(Line(number, end, line_hash(raw), entry))
    return found


def positions(journal: Sequence[Line]) -> dict[str, int]:
    """Return the number of the line that has each hash; 0 for the beginning."""
    return {START: 0, **{line.hash: line.number for line in journal}}


def unlinked(journal: Sequence[Line]) -> list[int]:
    """Return the numbers (from 1) of the lines that do not name the line before: somebody changed it."""
    before = [START, *(line.hash for line in journal)]
    return [
        line.number
        for line, previous in zip(journal, before)
        if line.entry is not None and line.entry.get("previous") != previous
    ]


def broken(journal: Sequence[Line]) -> Iterator[Finding]:
    """Yield a finding for each line that does not follow from the line before, or that is none of ours."""
    wrong = {*unlinked(journal)}
    known = positions(journal)
    for line in journal:
        if line.entry is not None:
            if line.number in wrong:
                at = known.get(str(line.entry.get("previous")))
                moved = "" if at is None else f"; it follows line {at}" if at else "; it was the first line"
                yield Finding(
                    line.where,
                    f"does not follow from line {line.number - 1}: that line was changed, or lines between "
                    f"them were removed, put in or moved{moved}",
                )
            event = line.entry.get("event")
            if not isinstance(event, str) or event not in EVENTS:
                yield Finding(line.where, f"is no entry of this program: its event is {event!r}")


def covered(journal: Sequence[Line], seen: Seen) -> int:
    """Return up to which line a signature of one environment's key vouches for the journal."""
    known = positions(journal)
    heads = [each.head for each in seen.anchors] if _trusted(seen) else []
    for image in seen.releases.values():
        if image.commit.journal and signed_by(image, seen.keys):
            heads.append(image.commit.journal)
    return max((known.get(head, 0) for head in heads), default=0)


def unanchored(journal: Sequence[Line], last: int) -> int:
    """Return how many entries stand after a line, without those that only say that there is an anchor."""
    after = [line.entry for line in journal[last:] if line.entry is not None]
    return sum(entry.get("event") != "anchored" for entry in after)


def anchors(journal: Sequence[Line], seen: Seen) -> Iterator[Finding]:
    """Yield what is wrong with an environment's anchors, and where the journal is not what they signed."""
    name = seen.environment.name
    recorded = _recorded(journal, name)
    present = {each.number: each.hash for each in seen.anchors}
    gone = [number for number in recorded if number not in present]
    changed = {number for number, (_, value) in recorded.items() if present.get(number, value) != value}
    if gone:
        yield Finding(
            recorded[gone[0]][0].where,
            f"says that anchor {gone[0]} of {name} was made, but it is not there: removed"
            + (f", and {len(gone) - 1} more" if len(gone) > 1 else ""),
        )
    for number in sorted(changed):
        yield Finding(
            f"anchor {number} of {name}", f"is not the one that line {recorded[number][0].number} made"
        )
    yield from _order(seen, {*gone, *changed})
    last = seen.anchors[-1] if seen.anchors else None
    if last and not _trusted(seen) and not seen.signers & seen.withdrawn:
        yield Finding(
            f"anchor {last.number} of {name}",
            f"its signature is not good, or not by a key of {name} (it names {last.key})",
        )
    yield from _signed_heads(journal, seen)


def _trusted(seen: Seen) -> bool:
    """Say whether the last anchor, and so every one before it, is signed with a key of the environment."""
    return bool(seen.signers & seen.keys)


def _recorded(journal: Sequence[Line], name: str) -> dict[int, tuple[Line, str]]:
    """Return for each anchor that the journal says was made its line and the anchor's hash."""
    return {
        line.entry["number"]: (line, str(line.entry.get("anchor")))
        for line in journal
        if line.entry
        and line.entry.get("event") == "anchored"
        and line.entry.get("environment") == name
        and isinstance(line.entry.get("number"), int)
    }


def _order(seen: Seen, known_wrong: set[int]) -> Iterator[Finding]:
    before: Anchor | None = None
    for each in seen.anchors:
        number, previous = (before.number + 1, before.hash) if before else (1, START)
        right = (each.number, each.previous, each.environment) == (number, previous, seen.environment.name)
        if not right and not {each.number, each.number - 1} & known_wrong:
            what = f"anchor {before.number}" if before else "the beginning"
            yield Finding(
                f"anchor {each.number} of {seen.environment.name}",
                f"does not follow from {what}: anchors were changed, removed or put in",
            )
        before = each


def _signed_heads(journal: Sequence[Line], seen: Seen) -> Iterator[Finding]:
    """Yield the first head that was signed and is not where it was: those after it follow from it.

    A head that stands at another line is explained by the line before it that does not follow.
    """
    known = positions(journal)
    last = 0
    for each in seen.anchors:
        at = known.get(each.head)
        if at is None:
            where = f"line {each.lines}" if each.lines <= len(journal) else JOURNAL
            ends = "" if each.lines <= len(journal) else f" of {each.lines}, and has {len(journal)} now"
            yield Finding(
                where,
                f"anchor {each.number} of {seen.environment.name} signed another line here{ends}: "
                f"the journal was rewritten, or its end removed, after line {last}",
            )
            return
        if at == each.lines and journal[at - 1].end != each.bytes:
            yield Finding(f"line {at}", f"ends at another byte than anchor {each.number} says")
            return
        last = at


def released_heads(journal: Sequence[Line], seen: Seen, staged: Mapping[str, Line]) -> Iterator[Finding]:
    """Yield the releases whose signed metadata contradicts the journal.

    + staged: for each checksum the line that began to stage it. Of releases that name a head which is not in
      the journal, the first is named: those after it follow from the same change
    """
    known = positions(journal)
    lost = [ref for ref, image in seen.releases.items() if image.commit.journal not in known]
    if lost:
        head = seen.releases[lost[0]].commit.journal
        more = f"; so do {len(lost) - 1} later releases" if len(lost) > 1 else ""
        yield Finding(
            lost[0],
            f"names {short(head)} as the journal's head when it was staged, and no line "
            f"has that hash: what came before was rewritten or removed{more}",
        )
    for ref, image in seen.releases.items():
        line = staged.get(image.commit.checksum)
        at = known.get(image.commit.journal or "")
        if line and at is not None and at >= line.number:
            yield Finding(ref, f"names line {at} as the journal's head, but line {line.number} staged it")
