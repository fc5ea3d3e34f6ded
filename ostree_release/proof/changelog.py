"""The changelog: what each release changed and fixed, when it reached which ring, and who let it through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..composing import advisories as composing
from ..composing import builds
from ..config import Environment
from ..context import Context
from ..errors import Refused
from ..images.advisories import fixed
from ..journal import Entry
from ..judging import hold
from ..model import Commit
from ..releasing.road import look_at
from ..repo import Repository

Row = dict[str, Any]


def changelog(context: Context, name: str, ring: str | None, version: str | None) -> dict[str, Any]:
    """Return the releases of a promoting environment, newest first, each against the one before it.

    Args:
        name: of the environment.
        ring: only what reached this ring, each against what the ring had before; None for every release.
        version: only this release; None for all.
    """
    environment, source = context.config.promoting(name)
    wanted = environment.ring(ring) if ring else None
    with context.reading(environment):
        repository = Repository(environment.repository)
        entries = context.journal.entries()
        refs = repository.refs()
        releases = look_at(context, environment, repository).releases
        if wanted:
            releases = [
                release
                for release in releases
                if refs.get(wanted.ref) == release.checksum
                or _moves(entries, environment, wanted.ref, release)
            ]
        rows = [
            _release(context, environment, source, repository, entries, release, before)
            for release, before in zip(releases, [None, *releases])
            if version in (None, release.version)
        ]
    if version and not rows:
        where = f"{name}/{ring}" if ring else name
        raise Refused(f"release {version!r}: {where} has no such release (see ostree-release changelog)")
    return {"environment": name, "ring": ring, "releases": rows[::-1]}


def _release(
    context: Context,
    environment: Environment,
    source: Environment,
    repository: Repository,
    entries: Sequence[Entry],
    release: Commit,
    before: Commit | None,
) -> Row:
    about = [entry for entry in entries if entry.get("checksum") == release.checksum]
    composed = [
        entry for entry in entries if release.build and _moved(entry, source, source.ref, release.build)
    ]
    return {
        "version": release.version,
        "checksum": release.checksum,
        "serial": release.serial,
        "timestamp": release.timestamp,
        "build": release.build,
        "previous": before.version if before else None,
        "composed": _who(composed[0]) if composed else None,
        "rings": [
            {"ring": ring.name, **_who(entry)}
            for ring in environment.rings
            for entry in _moves(entries, environment, ring.ref, release)
        ],
        "packages": builds.changes(
            (repository, before.checksum) if before else None, (repository, release.checksum)
        ),
        "advisories": _advisories(context, source, repository, release, before),
        "gates": _gates(about),
        "approvals": [
            {**_who(entry), **_some(entry, "rings", "findings", "overrides", "until")}
            for entry in about
            if entry.get("event") == "approved"
        ],
        "holds": _holds(entries, repository, release),
    }


def _advisories(
    context: Context,
    source: Environment,
    repository: Repository,
    release: Commit,
    before: Commit | None,
) -> list[Row] | None:
    """Return what was fixed since the release before; None where nothing was kept to tell from."""
    kept = composing.kept(context.config, source, release.build) if release.build else None
    new = repository.packages(release.checksum)
    old = repository.packages(before.checksum) if before else new
    if kept is None or old is None or new is None:
        return None
    return [
        {**advisory.summary(), "title": advisory.title, "issued": advisory.issued}
        for advisory in fixed(kept.advisories, old, new)
    ]


def _gates(about: Sequence[Entry]) -> list[Row]:
    """Return what the last check for each ring said, without what passed in silence."""
    last = {entry.get("ring"): entry for entry in about if entry.get("event") == "checked"}
    return [
        {"ring": ring, **_some(result, "gate", "answer", "line")}
        for ring, entry in last.items()
        for result in entry.get("results", ())
    ]


def _holds(entries: Sequence[Entry], repository: Repository, release: Commit) -> list[Row]:
    """Return the holds that are, or were, on a release, with who released them."""
    ended = {entry.get("hold"): entry for entry in entries if entry.get("event") == "released-hold"}
    return [
        {
            **held.as_json(),
            "released": _who(ended[held.id]) if held.id in ended else None,
        }
        for entry in entries  # one at a time: also those that somebody has released
        for held in hold.holding(hold.holds([entry]), repository, release)
    ]


def _moves(entries: Sequence[Entry], environment: Environment, ref: str, release: Commit) -> list[Entry]:
    return [entry for entry in entries if _moved(entry, environment, ref, release.checksum)]


def _moved(entry: Entry, environment: Environment, ref: str, checksum: str) -> bool:
    """Say whether an entry is the end of a move of that ref to that commit."""
    return (
        entry.get("event") == "done"
        and entry.get("environment") == environment.name
        and any(move.get("ref") == ref and move.get("to") == checksum for move in entry.get("moves", ()))
    )


def _who(entry: Entry) -> Row:
    return {"time": entry.get("time"), "actor": entry.get("actor"), "reason": entry.get("reason")}


def _some(entry: Entry, *keys: str) -> Row:
    return {key: entry.get(key) for key in keys}
