"""What a gate is asked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..config import Environment, Ring
from ..context import Context
from ..environments.snapshot import Snapshot
from ..images.directories import Directories
from ..model import Commit

if TYPE_CHECKING:
    from ..repository.reading import Repository


@dataclass(frozen=True)
class Subject:
    """What a gate is asked about: a candidate, or a release, that is to go to a ring.

    + seen: the environment as it stands
    + options: the gate's thresholds
    + directories: what is known of the repository's directories, which all gates of a run share
    """

    context: Context
    seen: Snapshot
    candidate: Commit
    ring: Ring
    options: Mapping[str, Any]
    directories: Directories = field(default_factory=Directories)

    @property
    def environment(self) -> Environment:
        """The environment that it is to be published in."""
        return self.seen.environment

    @property
    def repository(self) -> Repository:
        """The repository that has the candidate."""
        return self.seen.repository

    @property
    def build(self) -> str:
        """The checksum of the candidate's build; of a build, before it is staged, its own."""
        return self.candidate.build or self.candidate.checksum

    @property
    def tip(self) -> Commit | None:
        """What the ring has now."""
        return self.seen.tips.get(self.ring.ref)
