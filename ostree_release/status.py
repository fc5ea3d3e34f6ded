"""What is where: every environment's build or rings, and how far each ring is behind."""

from __future__ import annotations

import contextlib
from typing import Any

from . import health
from .composing.builds import changes
from .config import Environment
from .context import Context
from .images import pkglist
from .model import Commit
from .repo import Repository


def status(context: Context) -> dict[str, Any]:
    """Return the state of every environment, as the subcommand prints it."""
    with contextlib.ExitStack() as locks:
        for environment in context.config.environments:
            locks.enter_context(context.reading(environment))
        return {
            "environments": {
                environment.name: _composed(context, environment)
                if environment.composed
                else _promoting(context, environment)
                for environment in context.config.environments
            }
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
            }
        )
    return {
        "composed": False,
        "promotes_from": source.name,
        "rings": rings,
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


def _described(commit: Commit) -> dict[str, Any]:
    return {"version": commit.version, "checksum": commit.checksum, "timestamp": commit.timestamp}
