"""Approving exactly what the gates found: for one commit, for some rings, for a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from .. import clock
from ..answers import FAIL
from ..config import Environment, Ring
from ..context import Context
from ..environments import find, snapshot
from ..errors import Refused
from ..model import Commit
from . import admission, records
from .admission import Open


def approve(
    context: Context,
    environment: Environment,
    version: str,
    rings: Sequence[Ring],
    reason: str,
    overrides: Sequence[str] = (),
    expect: str | None = None,
) -> dict[str, Any]:
    """Approve what is open about a candidate or release; returns the result as it is printed.

    + overrides: gates whose failures are let through too
    + expect: the digest of the findings as shown
    Refuses what was not checked as it stands now, and findings other than those looked at.
    """
    release, found = _open(context, environment, version, rings)
    for gate in overrides:
        if not any(each.gate == gate and each.finding.answer == FAIL for each in found):
            raise Refused(f"override {gate}: that gate does not fail for {version}: nothing was recorded")
    chosen = [each for each in found if each.finding.answer != FAIL or each.gate in overrides]
    if expect not in (None, records.digest(each.finding.id for each in found)):
        raise Refused(f"approve {version}: the gates have found something else meanwhile: look at it again")
    if chosen:
        context.record(
            "approved",
            "approve",
            environment.name,
            version=release.version,
            checksum=release.checksum,
            rings=[ring.name for ring in rings],
            findings=sorted({each.finding.id for each in chosen}),
            overrides=sorted(set(overrides)),
            reason=reason,
            until=clock.now() + environment.rules.approval.days * clock.DAY,
        )
    return {
        **_described(environment, release, rings, found),
        "outcome": "approved" if chosen else "unchanged",
        "approved": [each.line for each in chosen],
        "still_failing": [each.line for each in found if each not in chosen],
        "days": environment.rules.approval.days,
        "actor": context.actor,
        "next": admission.promote_step(environment, rings),
        "exit": 1 if found and not chosen else 0,
    }


def look(context: Context, environment: Environment, version: str, rings: Sequence[Ring]) -> dict[str, Any]:
    """Return what an approval would let through, as it is printed; changes nothing."""
    release, found = _open(context, environment, version, rings)
    return {**_described(environment, release, rings, found), "outcome": "listed"}


def _open(
    context: Context, environment: Environment, version: str, rings: Sequence[Ring]
) -> tuple[Commit, list[Open]]:
    """Return a release and what nobody has approved of it yet; refuses what was not checked as it stands now.

    A ring that has the release already is not asked about.
    """
    found: dict[Open, None] = {}
    with context.reading(environment):
        seen = snapshot.look(context, environment)
        release = find.candidate(context.config, seen, version)
        for ring in rings:
            if seen.refs.get(ring.ref) == release.checksum:
                continue
            decision = admission.decide(context, seen, release, ring)
            if decision is None:
                raise Refused(f"approve {admission.unchecked(environment, release, ring)}")
            found.update(dict.fromkeys(decision.open))
    return release, list(found)


def _described(
    environment: Environment, release: Commit, rings: Sequence[Ring], found: Sequence[Open]
) -> dict[str, Any]:
    return {
        "environment": environment.name,
        "rings": [ring.name for ring in rings],
        "release": release.as_json(),
        "findings": [{"gate": each.gate, **asdict(each.finding)} for each in found],
        "digest": records.digest(each.finding.id for each in found),
    }
