"""The proof: everything that the journal, its anchors, the refs and the commits say, held against each other.

Pure rules over plain data; `history` reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..journal import moves_of
from ..model import Entry
from . import chain, let_through, releases
from . import moves as moving
from .evidence import Finding, Image, Line, Seen, Verdict
from .let_through import Judged
from .moves import Moves

_UNKNOWN: dict[str, Any] = {"version": None, "composed": None, "treefiles": {}}


def verify(journal: Sequence[Line], environments: Sequence[Seen]) -> Verdict:
    """Return what is wrong, and for each release and ref of the environments which entries stand for it."""
    verdict = Verdict()
    if not journal and any(seen.refs or seen.anchors for seen in environments):
        verdict.findings.append(Finding(chain.JOURNAL, "is empty or gone, and there are releases"))
    verdict.findings += chain.broken(journal)
    known, builds = let_through.judged(journal), _builds(journal)
    covered = [0]
    for seen in environments:
        moves = moving.replay(journal, seen.environment.name)
        found = _environment(journal, known, moves, seen)
        verdict.findings += found
        covered.append(chain.covered(journal, seen))
        verdict.notes += _withdrawn(seen)
        if seen.busy:
            verdict.notes.append(
                f"{seen.environment.name} is being changed by {seen.busy}: its summary was not judged"
            )
        verdict.refs += _refs(moves, seen)
        wrong = {finding.where for finding in found}
        verdict.releases += [
            _release(known, builds, moves, seen, ref, image, proven=ref not in wrong)
            for ref, image in seen.releases.items()
        ]
    verdict.unanchored = chain.unanchored(journal, max(covered))
    return verdict


def _environment(journal: Sequence[Line], known: Judged, moves: Moves, seen: Seen) -> list[Finding]:
    found: list[Finding] = []
    if journal:
        found += chain.anchors(journal, seen)
        staged = {
            image.commit.checksum: change.intent
            for image in seen.releases.values()
            for change in moves.to("stage", image.commit.checksum)[:1]
        }
        found += chain.released_heads(journal, seen, staged)
        found += moves.findings
        found += moving.refs(moves, seen)
        found += moving.unstaged(moves, seen)
    found += releases.check(seen)
    if not seen.busy:
        found += releases.summary(seen)
    found += let_through.check(known, moves, seen)
    return found


def _withdrawn(seen: Seen) -> list[str]:
    """Say it where the last anchor vouches for nothing any more, because its key was withdrawn."""
    last = seen.anchors[-1] if seen.anchors else None
    if last is None or seen.signers & seen.keys or not seen.signers & seen.withdrawn:
        return []
    return [f"anchor {last.number} is signed with {last.key}, withdrawn since: the next promotion signs anew"]


def _refs(moves: Moves, seen: Seen) -> list[dict[str, Any]]:
    """Return for each ref which entry moved it to where it is."""
    lines = {ref: place.line for ref, place in moves.places.items() if place.line}
    return [
        {
            "environment": seen.environment.name,
            "ref": ref,
            "checksum": checksum,
            "moved": _said(lines[ref]) if ref in lines else None,
        }
        for ref, checksum in sorted(seen.refs.items())
    ]


def _release(
    known: Judged,
    builds: dict[str, dict[str, Any]],
    moves: Moves,
    seen: Seen,
    ref: str,
    image: Image,
    proven: bool,
) -> dict[str, Any]:
    commit = image.commit
    return {
        "environment": seen.environment.name,
        "version": commit.version,
        "checksum": commit.checksum,
        "serial": commit.serial,
        "ref": ref,
        "proven": proven,
        "staged": [_said(change.line) for change in moves.to("stage", commit.checksum)],
        "published": [_said(change.line) for change in moves.to("publish", commit.checksum)],
        "rings": _rings(known, moves, seen, commit.checksum),
        "approvals": _approvals(known, commit.checksum),
        "signed_by": [key for key, wrong in image.signatures if not wrong and key in seen.keys],
        "build": {**_UNKNOWN, **builds.get(commit.build or "", {}), "checksum": commit.build},
        "repositories": list(image.repositories),
        "packages": image.packages,
    }


def _rings(known: Judged, moves: Moves, seen: Seen, checksum: str) -> list[dict[str, Any]]:
    names = {ring.ref: ring.name for ring in seen.environment.rings}
    found = []
    for change in moves.to("promote", checksum):
        for ref, new in change.targets():
            if new != checksum or ref not in names:
                continue
            stood_on = let_through.decision(known, change, names[ref], checksum, seen.environment.rules)
            found.append(
                {
                    "ring": names[ref],
                    "moved": {**_said(change.line), "reason": change.entry.get("reason")},
                    "before_gates": known.before_gates(change),
                    "checked": stood_on[2].number if stood_on else None,
                    "gates": {each.gate: each.answer for each in stood_on[0].outcomes} if stood_on else {},
                }
            )
    return found


def _approvals(known: Judged, checksum: str) -> list[dict[str, Any]]:
    return [
        {
            **_said(line),
            "rings": line.entry.get("rings", []),
            "reason": line.entry.get("reason"),
            "findings": len(line.entry.get("findings", ())),
            "overrides": line.entry.get("overrides", []),
        }
        for line in known.approved.get(checksum, ())
        if line.entry
    ]


def _builds(journal: Sequence[Line]) -> dict[str, dict[str, Any]]:
    """Return the compose that made each build, as far as the journal knows it, by the build's checksum.

    The first that moved the ref to it: a compose that changed nothing moves it there once more.
    """
    begun: dict[str, Entry] = {}
    found: dict[str, dict[str, Any]] = {}
    for line in journal:
        entry = line.entry or {}
        if entry.get("action") != "compose":
            continue
        if entry.get("event") == "intent":
            begun[line.hash] = entry
        elif entry.get("event") == "done":
            first = begun.get(str(entry.get("intent")), {})
            what = {"version": first.get("version"), "treefiles": first.get("treefiles", {})}
            for move in moves_of(entry):
                found.setdefault(str(move.get("to")), {**what, "composed": _said(line)})
    return found


def _said(line: Line) -> dict[str, Any]:
    """Return which entry says something, who wrote it and when."""
    entry = line.entry or {}
    return {"line": line.number, "actor": entry.get("actor"), "time": entry.get("time")}
