"""What is where: every environment's build or rings, and how far each ring is behind."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from .. import health
from ..config import Environment, Ring
from ..context import Context
from ..environments.snapshot import Snapshot, look
from ..errors import Refused
from ..images import pkglist
from ..judging import admission, holds, records
from ..model import Commit, Entry, following
from ..repository.reading import Repository
from ..signing import expiry
from . import verify


def status(context: Context) -> dict[str, Any]:
    """Return the state of every environment, as the subcommand prints it."""
    config = context.config
    with contextlib.ExitStack() as locks:
        for environment in config.environments:
            locks.enter_context(context.reading(environment))
        entries = context.journal.entries()
        environments = {
            environment.name: _composed(environment, entries)
            if environment.composed
            else _promoting(context, look(context, environment, entries))
            for environment in config.environments
        }
        is_built = any(each["composed"] and each["build"] for each in environments.values())
        return {
            "holds": [each.as_json() for each in holds.holds(entries)],
            "verify": verify.last(config),
            "warnings": [*expiry.warnings(config), *verify.overdue(config, entries)],
            "environments": environments,
            "next": following("promote" if is_built else "compose"),
        }


def _composed(environment: Environment, entries: Sequence[Entry]) -> dict[str, Any]:
    repository = Repository(environment.repository)
    build = next(repository.history(environment.ref), None)
    return {
        "composed": True,
        "ref": environment.ref,
        "build": _described(build) if build else None,
        "reports": _reports(environment, entries),
    }


def _promoting(context: Context, seen: Snapshot) -> dict[str, Any]:
    newest = next(seen.origin.history(seen.source.ref), None)
    rings = []
    for ring in seen.environment.rings:
        release = seen.tips.get(ring.ref)
        behind = None
        if release and newest:
            images = (seen.repository, release.checksum), (seen.origin, newest.checksum)
            behind = pkglist.counts(pkglist.between(*images))
        rings.append(
            {
                "name": ring.name,
                "ref": ring.ref,
                "release": {**_described(release), "serial": release.serial} if release else None,
                "behind": behind,
                "overrides": _overrides(seen.entries, ring, release) if release else [],
            }
        )
    return {
        "composed": False,
        "promotes_from": seen.source.name,
        "rings": rings,
        "candidates": [{**_described(each), "open": _open(context, seen, each)} for each in seen.candidates],
    }


def _reports(environment: Environment, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return the newest health report of every client that runs a build."""
    shown = ("client", "version", "checksum", "boot", "state", "system", "failed", "time")
    return [
        {key: entry[key] for key in shown}
        for (name, _), entry in sorted(health.newest(entries).items())
        if name == environment.name
    ]


def _open(context: Context, seen: Snapshot, candidate: Commit) -> list[str] | None:
    """Return what keeps a candidate from the first ring, in words; None where it was not checked."""
    try:
        decision = admission.decide(context, seen, candidate, seen.environment.rings[0])
    except Refused as refusal:  # which gates are in force is not known: all the rest is
        return [str(refusal)]
    return None if decision is None else [each.line for each in decision.open]


def _overrides(entries: Sequence[Entry], ring: Ring, release: Commit) -> list[dict[str, Any]]:
    """Return by whom and why gates were overridden for what a ring has: visible as long as it is there."""
    return [
        {"gates": sorted(each.overrides), "actor": each.actor, "reason": each.reason}
        for each in records.approvals(entries, release.checksum, ring.name)
        if each.overrides
    ]


def _described(commit: Commit) -> dict[str, Any]:
    return {"version": commit.version, "checksum": commit.checksum, "timestamp": commit.timestamp}
