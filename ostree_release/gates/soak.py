"""The gate `soak`: a build has been in dev long enough, and dev clients run it in good health.

What counts belongs to the build and stays when a candidate is staged again. A build with the same tree is as
good: what dev clients ran is then bit for bit what the candidate has.
"""

from __future__ import annotations

from collections.abc import Iterable

from .. import clock, health
from ..answers import FAIL, NEEDS_APPROVAL, Finding, Outcome
from ..journal import moved, timestamp_of
from ..model import Entry
from ..text import some, when
from .subject import Subject

_HOUR = 3600  # seconds
_SHOWN = 3  # clients that the gate's own line names; the data has all


def judge(subject: Subject) -> Outcome:
    """Return what is still due.

    Options: hours (in dev), clients (of dev, that must be healthy), ring_hours (in the ring before,
    for a later ring).
    """
    entries, source = subject.seen.entries, subject.seen.source
    reports = health.about(entries, source.name, subject.candidate.content)
    healthy = sorted(client for client, entry in reports.items() if entry["state"] == health.HEALTHY)
    since = _in_dev_since(subject, entries)
    unhealthy = _unhealthy(reports.values())
    due = [
        *_too_young("soak:age", source.name, since, subject.options["hours"]),
        *_too_few(len(healthy), subject.options["clients"]),
        *_ring(subject, entries),
    ]
    lines = [finding.line for finding in due]
    if unhealthy:
        lines.append(some([finding.line for finding in unhealthy], _SHOWN, between="; "))
    if not lines:
        clients = some(healthy, _SHOWN) or "no client"
        lines = [f"in {source.name} for {_hours(since)} h, healthy on {clients}"]
    data = {
        "since": since,
        "healthy": healthy,
        "unhealthy": sorted(set(reports) - set(healthy)),
    }
    return Outcome("soak", (*due, *unhealthy), "; ".join(lines), data)


def _in_dev_since(subject: Subject, entries: Iterable[Entry]) -> int:
    """Return when the build was published in dev; by its own timestamp where the journal does not know."""
    where = (subject.seen.source.name, subject.seen.source.ref, subject.build)
    # A compose that changed nothing moves the ref to the same build again: the first one counts.
    known = moved(entries, *where, ("shown",))[-1:] or moved(entries, *where)
    if known:
        return timestamp_of(known[0])
    origin = subject.seen.origin
    place = origin if origin.has(subject.build) else subject.repository
    return (place.commit(subject.build) if place.has(subject.build) else subject.candidate).timestamp


def _ring(subject: Subject, entries: Iterable[Entry]) -> list[Finding]:
    """Judge the time in the ring before; the first ring has none."""
    position = subject.environment.rings.index(subject.ring)
    if not position:
        return []
    before = subject.environment.rings[position - 1]
    known = moved(entries, subject.environment.name, before.ref, subject.candidate.checksum)
    since = timestamp_of(known[-1]) if known else subject.candidate.timestamp
    return _too_young(f"soak:ring:{before.name}", before.name, since, subject.options["ring_hours"])


def _too_young(name: str, where: str, since: int, hours: int) -> list[Finding]:
    due = since + hours * _HOUR
    if clock.now() >= due:
        return []
    line = f"in {where} for {_hours(since)} h, {hours} h are due (until {when(due)})"
    return [Finding(f"{name}:{hours}h", NEEDS_APPROVAL, line)]


def _too_few(healthy: int, wanted: int) -> list[Finding]:
    if healthy >= wanted:
        return []
    line = f"healthy on {healthy} of {wanted} dev clients"
    return [Finding(f"soak:clients:{healthy}-of-{wanted}", NEEDS_APPROVAL, line)]


def _unhealthy(reports: Iterable[Entry]) -> list[Finding]:
    return [
        Finding(
            f"soak:unhealthy:{entry['client']}:{health.words(entry)}",
            FAIL,
            f"unhealthy on {entry['client']}: {health.words(entry)}",
        )
        for entry in sorted(reports, key=lambda entry: str(entry["client"]))
        if entry["state"] != health.HEALTHY
    ]


def _hours(since: int) -> int:
    return max(0, clock.now() - since) // _HOUR
