"""The changelog: what each release changed and fixed, when it reached which ring, and who let it through."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ..composing import kept_with_builds
from ..config import Environment
from ..context import Context
from ..environments.find import find
from ..environments.snapshot import Snapshot, look
from ..errors import Refused
from ..images import pkglist
from ..images.advisories import fixed
from ..journal import moves_of
from ..judging import holds
from ..judging.holds import Hold
from ..model import Commit, Entry, Package

Row = dict[str, Any]


class _Record:
    """What the journal says, by what it says it about: looked through once, however many releases ask."""

    def __init__(self, seen: Snapshot) -> None:
        # Each release is asked for twice: when it comes, and when the next one is compared with it.
        self.packages = lru_cache(maxsize=2)(seen.repository.packages)
        self.about: defaultdict[str, list[Entry]] = defaultdict(list)
        self.held: list[Hold] = []
        self.ended: dict[str, Entry] = {}
        self._moves: defaultdict[tuple[str, str, str], list[Entry]] = defaultdict(list)
        for entry in seen.entries:
            self.about[str(entry.get("checksum"))].append(entry)
            if entry.get("event") == "released-hold":
                self.ended[str(entry.get("hold"))] = entry
            elif entry.get("event") == "done":
                for move in moves_of(entry):
                    place = (str(entry.get("environment")), move["ref"], str(move["to"]))
                    self._moves[place].append(entry)
            self.held += holds.holds([entry])  # one at a time: also those that somebody has released

    def moves(self, environment: Environment, ref: str, checksum: str) -> list[Entry]:
        """Return the entries that end a move of a ref to a commit."""
        return self._moves.get((environment.name, ref, checksum), [])


def changelog(context: Context, name: str, ring: str | None, version: str | None) -> dict[str, Any]:
    """Return the releases of a promoting environment, newest first, each against the one before it.

    + name: of the environment
    + ring: only what reached this ring, each against what the ring had before; None for every release
    + version: only this release; None for all
    """
    environment, _ = context.config.promoting(name)
    wanted = environment.ring(ring) if ring else None
    with context.reading(environment):
        seen = look(context, environment)
        record = _Record(seen)
        releases = [
            release
            for release in seen.releases
            if wanted is None
            or seen.refs.get(wanted.ref) == release.checksum
            or record.moves(environment, wanted.ref, release.checksum)
        ]
        only = find(context.config, version, [environment]).commit if version else None
        if only and only not in releases:
            where = f"{name}/{ring}" if ring else name
            raise Refused(f"release {version!r}: {where} has no such release (see ostree-release changelog)")
        rows = [
            _release(context, seen, record, release, before)
            for release, before in zip(releases, [None, *releases])
            if only in (None, release)
        ]
    return {"environment": name, "ring": ring, "releases": rows[::-1]}


def _release(
    context: Context, seen: Snapshot, record: _Record, release: Commit, before: Commit | None
) -> Row:
    environment, source = seen.environment, seen.source
    about = record.about[release.checksum]
    composed = record.moves(source, source.ref, release.build) if release.build else []
    new = record.packages(release.checksum)
    old = record.packages(before.checksum) if before else None
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
            for entry in record.moves(environment, ring.ref, release.checksum)
        ],
        "packages": pkglist.diff(old, new),
        "advisories": _advisories(context, source, release, old if before else new, new),
        "gates": _gates(about),
        "approvals": [
            {**_who(entry), **_some(entry, "rings", "findings", "overrides", "until")}
            for entry in about
            if entry.get("event") == "approved"
        ],
        "holds": [
            {**each.as_json(), "released": _who(record.ended[each.id]) if each.id in record.ended else None}
            for each in holds.holding(record.held, seen.repository, release)
        ],
    }


def _advisories(
    context: Context,
    source: Environment,
    release: Commit,
    old: Sequence[Package] | None,
    new: Sequence[Package] | None,
) -> list[Row] | None:
    """Return what was fixed since the release before; None where nothing was kept to tell from."""
    known = kept_with_builds.advisories(context.config, source, release.build) if release.build else None
    if known is None or old is None or new is None:
        return None
    return [
        {**advisory.summary(), "title": advisory.title, "issued": advisory.issued}
        for advisory in fixed(known.advisories, old, new)
    ]


def _gates(about: Sequence[Entry]) -> list[Row]:
    """Return what the last check for each ring said, without what passed in silence."""
    last = {entry.get("ring"): entry for entry in about if entry.get("event") == "checked"}
    return [
        {"ring": ring, **_some(result, "gate", "answer", "line")}
        for ring, entry in last.items()
        for result in entry.get("results", ())
    ]


def _who(entry: Entry) -> Row:
    return {"time": entry.get("time"), "actor": entry.get("actor"), "reason": entry.get("reason")}


def _some(entry: Entry, *keys: str) -> Row:
    return {key: entry.get(key) for key in keys}
