"""Reading a promoting environment: everything that a decision about it needs, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..config import Environment
from ..model import Commit


@dataclass(frozen=True)
class Survey:
    """What a promoting environment has.

    refs: every ref with its checksum; commits: what the environment's refs name, by checksum; signed: the
    checksums of ring tips with a signature by the environment's key; summary: what the summary names;
    interrupted: how many intents in the journal nothing ended; unanchored: whether the journal's head must be
    signed.
    """

    environment: Environment
    refs: Mapping[str, str]
    commits: Mapping[str, Commit]
    signed: frozenset[str]
    summary: Mapping[str, str] | None
    interrupted: int = 0
    unanchored: bool = False

    def at(self, ref: str) -> Commit | None:
        """Return the commit that a ref names."""
        checksum = self.refs.get(ref)
        return self.commits[checksum] if checksum else None

    @property
    def releases(self) -> list[Commit]:
        """Everything released, oldest first; also what only a ring still names."""
        rings = {ring.ref for ring in self.environment.rings}
        prefix = self.environment.release_ref("")
        return self._sorted(lambda ref: ref in rings or ref.startswith(prefix))

    @property
    def candidates(self) -> list[Commit]:
        """Everything staged and not published, oldest first."""
        prefix = self.environment.candidate_ref("")
        return self._sorted(lambda ref: ref.startswith(prefix))

    @property
    def newest(self) -> Commit | None:
        """The newest release: the one with the highest serial."""
        return self.releases[-1] if self.releases else None

    def bindings(self, version: str) -> frozenset[str]:
        """Return the refs that a release of that version is bound to: all it may ever be offered under."""
        environment = self.environment
        rings = {ring.ref for ring in environment.rings}
        return frozenset({environment.candidate_ref(version), environment.release_ref(version), *rings})

    def is_valid_candidate(self, candidate: Commit) -> bool:
        """Say whether a candidate can still be published: after the newest release, for today's rings."""
        newest = self.newest
        return (
            candidate.serial == (newest.serial if newest else 0) + 1
            and candidate.parent == (newest.checksum if newest else None)
            and candidate.bindings == self.bindings(candidate.version)
        )

    def to_publish(self, version: str | None) -> Commit | None:
        """Return what `publish` goes on with; version: of what is wanted, None for anything.

        The valid candidate; else a release that an interruption, or a failed smoke pull, left short of the
        first ring; else an overtaken candidate, to be refused; else what that ring has, to be repaired.
        """
        ring = self.environment.rings[0]
        tip = self.at(ring.ref)
        behind = tip.serial if tip else 0
        released = list(reversed(self.releases))
        candidates = [each for each in reversed(self.candidates) if each not in released]
        order = [
            *(each for each in candidates if self.is_valid_candidate(each)),
            *(each for each in released if each.serial > behind and ring.ref in each.bindings),
            *candidates,
            *([tip] if tip else []),
        ]
        return next((each for each in order if version in (None, each.version)), None)

    def _sorted(self, wanted: Callable[[str], bool]) -> list[Commit]:
        found = {checksum for ref, checksum in self.refs.items() if wanted(ref)}
        return sorted((self.commits[checksum] for checksum in found), key=lambda commit: commit.serial)
