"""Deciding what a promotion would do: a pure function of what the repositories have."""

from __future__ import annotations

from dataclasses import dataclass

from .. import versions
from ..config import Ring
from ..errors import Refused
from ..model import Commit, Move
from .survey import Survey

PROMOTE = "promote"
UNCHANGED = "unchanged"
REPAIR = "repair"


@dataclass(frozen=True)
class Plan:
    """What a promotion would do.

    release: the release or valid candidate that is there already, None when one has to be staged; version and
    serial: what it has or will have; tip: what the ring has now; moves: to None is to a release not made yet.
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


def promote(survey: Survey, ring: Ring, build: Commit | None) -> Plan:
    """Decide how a ring gets its next release.

    build: what the first ring gets; None for a later ring, which takes what the ring before it has.
    Raises Refused where the rules forbid the move.
    """
    tip = survey.at(ring.ref)
    if build is None:
        source = _before(survey, ring)
        content, build_checksum = source.content, source.build or source.checksum
        build_version = versions.of_content(source.version, source.serial)
    else:
        source = None
        content, build_checksum, build_version = build.content, build.checksum, build.version
    if tip and tip.content == content:
        return _standing(survey, ring, tip)
    if source:
        check_source(ring, source, tip)
        release: Commit | None = source
    else:
        release = _usable(survey, ring, tip, build_checksum)
    if release:
        version, serial = release.version, release.serial
    else:
        version, serial = _next(survey, build_checksum, versions.check(build_version))
    new = release.checksum if release else None
    release_ref = survey.environment.release_ref(version)
    moves = [
        Move(release_ref, survey.refs.get(release_ref), new),
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
        repairs=tuple(interrupted(survey)),
    )


def interrupted(survey: Survey) -> list[str]:
    """Return, in words, what an interruption left that the next change of the environment completes first."""
    left = {
        "journal had a change without its end": survey.interrupted > 0,
        "summary did not name the refs as they are": (survey.summary or {}) != survey.refs,
        "journal's head was not signed": survey.unanchored,
    }
    return [words for words, true in left.items() if true]


def _before(survey: Survey, ring: Ring) -> Commit:
    before = survey.environment.rings[survey.environment.rings.index(ring) - 1]
    source = survey.at(before.ref)
    if source is None:
        raise Refused(
            f"ring {ring.name}: the ring before it, {before.name}, has no release yet: promote there first"
        )
    return source


def check_source(ring: Ring, source: Commit, tip: Commit | None) -> None:
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


def _usable(survey: Survey, ring: Ring, tip: Commit | None, build: str) -> Commit | None:
    """Return the release or candidate of a build that the ring can still move to."""
    behind = tip.serial if tip else 0
    for release in reversed(survey.releases):
        if release.build == build and release.serial > behind and ring.ref in release.bindings:
            return release
    for candidate in reversed(survey.candidates):
        if candidate.build == build and survey.is_valid_candidate(candidate):
            return candidate
    return None


def _next(survey: Survey, build: str, build_version: str) -> tuple[str, int]:
    """Return the version and serial of a new release of a build."""
    serial = survey.newest.serial + 1 if survey.newest else 1
    if any(release.build == build for release in survey.releases):
        return versions.released_again(build_version, serial), serial
    if survey.environment.release_ref(build_version) in survey.refs:
        raise Refused(
            f"version {build_version}: was released already, from another build: compose with another version"
        )
    return build_version, serial


def _standing(survey: Survey, ring: Ring, tip: Commit) -> Plan:
    """Return the plan for a ring that has the content already: nothing to do, or something to repair."""
    release_ref = survey.environment.release_ref(tip.version)
    repairs = []
    if tip.checksum not in survey.signed:
        repairs.append(f"signature of {tip.version} was missing")
    if survey.refs.get(release_ref) != tip.checksum:
        repairs.append(f"ref {release_ref} was missing")
    repairs += interrupted(survey)
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
