"""Approving exactly what the gates found: for one commit, for some rings, for a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import clock
from ..config import Environment, Ring
from ..context import Context
from ..errors import Refused
from ..gates.model import FAIL
from ..model import Commit
from ..releasing.road import look_at
from ..repo import Repository
from . import admit, records
from .admission import Open

_DAY = 86400  # seconds


def approve(
    context: Context,
    name: str,
    version: str,
    rings: Sequence[Ring],
    reason: str,
    overrides: Sequence[str] = (),
    expect: str | None = None,
) -> dict[str, Any]:
    """Approve what is open about a candidate or release; returns the result as it is printed.

    overrides: gates whose failures are let through too; expect: the digest of the findings as shown.
    Refuses what was not checked as it stands now, and findings other than those looked at.
    """
    environment, _ = context.config.promoting(name)
    with context.reading(environment):
        repository = Repository(environment.repository)
        release = _named(context, environment, repository, version)
        found = open_findings(context, environment, repository, release, rings)
    for gate in overrides:
        if not any(each.gate == gate and each.finding.answer == FAIL for each in found):
            raise Refused(f"override {gate}: that gate does not fail for {version}: nothing was recorded")
    chosen = [each for each in found if each.finding.answer != FAIL or each.gate in overrides]
    seen = records.digest(each.finding.id for each in found)
    if expect not in (None, seen):
        raise Refused(f"approve {version}: the gates have found something else meanwhile: look at it again")
    if chosen:
        context.journal.append(
            {
                "event": "approved",
                "action": "approve",
                "actor": context.actor,
                "environment": environment.name,
                "version": release.version,
                "checksum": release.checksum,
                "rings": [ring.name for ring in rings],
                "findings": sorted({each.finding.id for each in chosen}),
                "overrides": sorted(set(overrides)),
                "reason": reason,
                "until": clock.now() + environment.rules.approval_days * _DAY,
            }
        )
    return {
        **_described(environment, release, rings, found),
        "outcome": "approved" if chosen else "unchanged",
        "approved": [each.line for each in chosen],
        "still_failing": [each.line for each in found if each not in chosen],
        "days": environment.rules.approval_days,
        "actor": context.actor,
        "next": admit.promote_command(environment, rings),
        "exit": 1 if found and not chosen else 0,
    }


def look(context: Context, name: str, version: str, rings: Sequence[Ring]) -> dict[str, Any]:
    """Return what an approval would let through, as it is printed; changes nothing."""
    environment, _ = context.config.promoting(name)
    with context.reading(environment):
        repository = Repository(environment.repository)
        release = _named(context, environment, repository, version)
        found = open_findings(context, environment, repository, release, rings)
    return {**_described(environment, release, rings, found), "outcome": "listed"}


def open_findings(
    context: Context,
    environment: Environment,
    repository: Repository,
    release: Commit,
    rings: Sequence[Ring],
) -> list[Open]:
    """Return what nobody has approved yet; refuses what was not checked as it stands now.

    A ring that has the release already is not asked about.
    """
    refs = repository.refs()
    found: dict[Open, None] = {}
    for ring in rings:
        if refs.get(ring.ref) == release.checksum:
            continue
        decision = admit.decide(context, environment, repository, release, ring)
        if decision is None:
            raise Refused(f"approve {admit.unchecked(environment, release, ring)}")
        found.update(dict.fromkeys(decision.open))
    return list(found)


def _named(context: Context, environment: Environment, repository: Repository, version: str) -> Commit:
    seen = look_at(context, environment, repository)
    for commit in (*reversed(seen.candidates), *reversed(seen.releases)):
        if commit.version == version:
            return commit
    raise Refused(f"approve {version}: {environment.name} has no candidate or release of that version")


def _described(
    environment: Environment, release: Commit, rings: Sequence[Ring], found: Sequence[Open]
) -> dict[str, Any]:
    return {
        "environment": environment.name,
        "rings": [ring.name for ring in rings],
        "release": {"version": release.version, "checksum": release.checksum, "serial": release.serial},
        "findings": [
            {
                "gate": each.gate,
                "id": each.finding.id,
                "answer": each.finding.answer,
                "line": each.finding.line,
            }
            for each in found
        ],
        "digest": records.digest(each.finding.id for each in found),
    }
