"""What is where: every environment's build or rings, and how far each ring is behind."""

from __future__ import annotations

import contextlib
from typing import Any

from . import health
from .composing.builds import changes
from .config import Environment, Ring
from .context import Context
from .errors import Refused
from .images import pkglist
from .journal import Entry
from .judging import admit, hold, records
from .model import Commit
from .proof import command
from .releasing.road import look_at
from .repo import Repository
from .signing import expiry


def status(context: Context) -> dict[str, Any]:
    """Return the state of every environment, as the subcommand prints it."""
    with contextlib.ExitStack() as locks:
        for environment in context.config.environments:
            locks.enter_context(context.reading(environment))
        return {
            "holds": hold.listing(context)["holds"],
            "verify": command.last(context.config),
            "warnings": [*expiry.warnings(context), *command.overdue(context)],
            "environments": {
                environment.name: _composed(context, environment)
                if environment.composed
                else _promoting(context, environment)
                for environment in context.config.environments
            },
        }


def _composed(context: Context, environment: Environment) -> dict[str, Any]:
    repository = Repository(environment.repository)
    build = next(repository.history(environment.ref), None)
    return {
        "composed": True,
        "ref": environment.ref,
        "build": _described(build) if build else None,
        "reports": _reports(context, environment),
    }


def _promoting(context: Context, environment: Environment) -> dict[str, Any]:
    _, source = context.config.promoting(environment.name)
    origin, repository = Repository(source.repository), Repository(environment.repository)
    newest = next(origin.history(source.ref), None)
    refs = repository.refs()
    entries = context.journal.entries()
    rings = []
    for ring in environment.rings:
        release = repository.commit(refs[ring.ref]) if ring.ref in refs else None
        behind = None
        if release and newest:
            behind = pkglist.counts(changes((repository, release.checksum), (origin, newest.checksum)))
        rings.append(
            {
                "name": ring.name,
                "ref": ring.ref,
                "release": {**_described(release), "serial": release.serial} if release else None,
                "behind": behind,
                "overrides": _overrides(entries, ring, release) if release else [],
            }
        )
    staged = look_at(context, environment, repository).candidates
    return {
        "composed": False,
        "promotes_from": source.name,
        "rings": rings,
        "candidates": [
            {**_described(each), "open": _open(context, environment, repository, each)} for each in staged
        ],
    }


def _reports(context: Context, environment: Environment) -> list[dict[str, Any]]:
    """Return the newest health report of every client that runs a build."""
    shown = ("client", "version", "checksum", "boot", "state", "system", "failed", "time")
    newest = health.newest(context.journal.entries())
    return [
        {key: entry[key] for key in shown}
        for (name, _), entry in sorted(newest.items())
        if name == environment.name
    ]


def _open(
    context: Context, environment: Environment, repository: Repository, candidate: Commit
) -> list[str] | None:
    """Return what keeps a candidate from the first ring, in words; None where it was not checked."""
    try:
        decision = admit.decide(context, environment, repository, candidate, environment.rings[0])
    except Refused as refusal:  # which gates are in force is not known: all the rest is
        return [str(refusal)]
    return None if decision is None else [each.line for each in decision.open]


def _overrides(entries: list[Entry], ring: Ring, release: Commit) -> list[dict[str, Any]]:
    """Return by whom and why gates were overridden for what a ring has: visible as long as it is there."""
    return [
        {"gates": sorted(each.overrides), "actor": each.actor, "reason": each.reason}
        for each in records.approvals(entries, release.checksum, ring.name)
        if each.overrides
    ]


def _described(commit: Commit) -> dict[str, Any]:
    return {"version": commit.version, "checksum": commit.checksum, "timestamp": commit.timestamp}
