"""Deciding which ring is to move next by itself, and what may go there: a pure function."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ..config import Ring
from ..model import Commit
from .survey import Survey


@dataclass(frozen=True)
class Due:
    """The ring that moves next.

    builds: what the first ring may get, best first; release: what a later ring gets, from the ring before.
    """

    ring: Ring
    builds: tuple[Commit, ...] = ()
    release: Commit | None = None


def due(survey: Survey, builds: Iterable[Commit], held: Collection[str]) -> Due | None:
    """Return the ring that moves next, or None when nothing is newer anywhere.

    builds: those of the source, newest first; held: checksums of releases that nobody may move.

    What is in a ring and not in the next one goes first, the release that has come furthest before others: no
    build enters the first ring meanwhile. A release that is held will never get further, so it stops nobody.
    """
    rings = survey.environment.rings
    for before, ring in reversed(list(zip(rings, rings[1:]))):
        release, tip = survey.at(before.ref), survey.at(ring.ref)
        if release and release.checksum not in held and _can_follow(release, ring, tip):
            return Due(ring, release=release)
    newer = tuple(_newer(survey.at(rings[0].ref), builds))
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
