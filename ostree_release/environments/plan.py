"""Deciding what a promotion would do: a pure function of what the repositories have."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from .. import anchors, versions
from ..config import Ring
from ..errors import Refused
from ..model import Commit, Move
from .snapshot import Snapshot

PROMOTE = "promote"
UNCHANGED = "unchanged"
REPAIR = "repair"

# What an interruption can leave, in words; another is in `anchors`.
OPEN = "journal had a change without its end"
UNTOLD = "summary did not name the refs as they are"


@dataclass(frozen=True)
class Plan:
    """What a promotion would do.

    + release: the release or valid candidate that is there already, None when one has to be staged; version
      and serial: what it has or will have
    + tip: what the ring has now
    + moves: to None is to a release not made yet
    """

    outcome: str
    ring: Ring
    build: str
    build_version: str
    release: Commit | None
    version: str
    serial: int
    tip: Commit | None
    moves: tuple[Move, ...]
    repairs: tuple[str, ...] = ()

    @property
    def tip_or_none(self) -> str:
        """The ring's checksum as `--expect-tip` takes it."""
        return self.tip.checksum if self.tip else "none"

    def as_expected(self, build: str | None, tip: str | None) -> Plan:
        """Return the plan; refuses it where somebody expected another build or tip, None for any."""
        if build not in (None, self.build):
            raise Refused(f"build {build} was expected, but it is {self.build} now: look at the plan again")
        if tip not in (None, self.tip_or_none):
            raise Refused(
                f"ring {self.ring.name} was expected at {tip}, but it is at {self.tip_or_none} now: "
                "look at the plan again"
            )
        return self


@dataclass(frozen=True)
class Due:
    """The ring that moves next.

    + builds: what the first ring may get, best first
    + release: what a later ring gets, from the ring before
    """

    ring: Ring
    builds: tuple[Commit, ...] = ()
    release: Commit | None = None


def promote(seen: Snapshot, ring: Ring, build: Commit | None) -> Plan:
    """Decide how a ring gets its next release.

    + build: what the first ring gets; None for a later ring, which takes what the ring before it has
    Raises Refused where the rules forbid the move.
    """
    tip = seen.tips.get(ring.ref)
    if build is None:
        source = _before(seen, ring)
        content, build_checksum = source.content, source.build or source.checksum
        build_version = versions.of_content(source.version, source.serial)
    else:
        source = None
        content, build_checksum, build_version = build.content, build.checksum, build.version
    if tip and tip.content == content:
        return _standing(seen, ring, tip)
    if source:
        _check_source(ring, source, tip)
        release: Commit | None = source
    else:
        release = _usable(seen, ring, tip, build_checksum)
    if release:
        version, serial = release.version, release.serial
    else:
        version, serial = _next(seen, build_checksum, versions.check(build_version))
    new = release.checksum if release else None
    release_ref = seen.environment.release_ref(version)
    moves = [
        Move(release_ref, seen.refs.get(release_ref), new),
        Move(ring.ref, tip.checksum if tip else None, new),
    ]
    return Plan(
        outcome=PROMOTE,
        ring=ring,
        build=build_checksum,
        build_version=build_version,
        release=release,
        version=version,
        serial=serial,
        tip=tip,
        moves=tuple(move for move in moves if new is None or move.old != move.new),
        repairs=tuple(interrupted(seen)),
    )


def interrupted(seen: Snapshot) -> list[str]:
    """Return, in words, what an interruption left that the next change of the environment completes first."""
    left = {
        OPEN: seen.interrupted > 0,
        UNTOLD: (seen.summary or {}) != seen.refs,
        anchors.UNSIGNED: seen.unanchored,
    }
    return [words for words, true in left.items() if true]


def _before(seen: Snapshot, ring: Ring) -> Commit:
    before = seen.environment.rings[seen.environment.rings.index(ring) - 1]
    source = seen.tips.get(before.ref)
    if source is None:
        raise Refused(
            f"ring {ring.name}: the ring before it, {before.name}, has no release yet: promote there first"
        )
    return source


def moving(seen: Snapshot, release: Commit, rings: Iterable[Ring]) -> list[Ring]:
    """Return the rings that would move; refuses a move back, and a ring that the release is not bound to."""
    found = [ring for ring in rings if seen.refs.get(ring.ref) != release.checksum]
    for ring in found:
        _check_source(ring, release, seen.tips.get(ring.ref))
    return found


def _check_source(ring: Ring, source: Commit, tip: Commit | None) -> None:
    """Raise Refused where a ring would move back, or to a release that is not bound to it."""
    if tip and source.serial <= tip.serial:
        raise Refused(
            f"ring {ring.name}: has {tip.version} (serial {tip.serial}), which is newer than "
            f"{source.version} (serial {source.serial}) in the ring before it: "
            "promote a build to that ring first"
        )
    if ring.ref not in source.bindings:
        raise Refused(
            f"ring {ring.name}: {source.version} was released before this ring existed and is not bound to "
            f"{ring.ref}: promote the next release instead"
        )


def _usable(seen: Snapshot, ring: Ring, tip: Commit | None, build: str) -> Commit | None:
    """Return the release or candidate of a build that the ring can still move to."""
    behind = tip.serial if tip else 0
    for release in reversed(seen.releases):
        if release.build == build and release.serial > behind and ring.ref in release.bindings:
            return release
    return next((each for each in reversed(seen.valid_candidates) if each.build == build), None)


def _next(seen: Snapshot, build: str, build_version: str) -> tuple[str, int]:
    """Return the version and serial of a new release of a build."""
    serial = seen.newest.serial + 1 if seen.newest else 1
    if any(release.build == build for release in seen.releases):
        return versions.released_again(build_version, serial), serial
    if seen.environment.release_ref(build_version) in seen.refs:
        raise Refused(
            f"version {build_version}: was released already, from another build: compose with another version"
        )
    return build_version, serial


def _standing(seen: Snapshot, ring: Ring, tip: Commit) -> Plan:
    """Return the plan for a ring that has the content already: nothing to do, or something to repair."""
    release_ref = seen.environment.release_ref(tip.version)
    repairs = []
    if tip.checksum not in seen.signed:
        repairs.append(f"signature of {tip.version} was missing")
    if seen.refs.get(release_ref) != tip.checksum:
        repairs.append(f"ref {release_ref} was missing")
    repairs += interrupted(seen)
    return Plan(
        outcome=REPAIR if repairs else UNCHANGED,
        ring=ring,
        build=tip.build or tip.checksum,
        build_version=versions.of_content(tip.version, tip.serial),
        release=tip,
        version=tip.version,
        serial=tip.serial,
        tip=tip,
        moves=(),
        repairs=tuple(repairs),
    )


def due(seen: Snapshot, builds: Iterable[Commit], held: Collection[str]) -> Due | None:
    """Return the ring that moves next, or None when nothing is newer anywhere.

    + builds: those of the source, newest first
    + held: checksums of releases that nobody may move

    What is in a ring and not in the next one goes first, the release that has come furthest before others: no
    build enters the first ring meanwhile. A release that is held will never get further, so it stops nobody.
    """
    rings = seen.environment.rings
    for before, ring in reversed(list(zip(rings, rings[1:]))):
        release, tip = seen.tips.get(before.ref), seen.tips.get(ring.ref)
        if release and release.checksum not in held and _can_follow(release, ring, tip):
            return Due(ring, release=release)
    newer = tuple(_newer(seen.tips.get(rings[0].ref), builds))
    return Due(rings[0], builds=newer) if newer else None


def _can_follow(release: Commit, ring: Ring, tip: Commit | None) -> bool:
    """Say whether a release may come after what a ring has: newer, other content, and bound to the ring."""
    if ring.ref not in release.bindings:
        return False
    return tip is None or (release.serial > tip.serial and release.content != tip.content)


def _newer(tip: Commit | None, builds: Iterable[Commit]) -> Iterable[Commit]:
    """Yield the builds that are newer than what a ring has, newest first."""
    for build in builds:
        if tip and (build.checksum == tip.build or build.content == tip.content):
            return
        yield build
