"""A promoting environment as it stands: everything that a decision about it needs, read at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from .. import anchors
from ..config import Environment
from ..context import Context
from ..errors import Refused
from ..journal import interrupted
from ..model import Commit, Entry
from ..signing import keyring

if TYPE_CHECKING:  # what is decided from a snapshot is decided without libostree
    from ..repository.reading import Repository


@dataclass(frozen=True)
class Snapshot:
    """What a promoting environment has, and where its builds come from.

    + source: the environment that it promotes from
    + refs: every ref with its checksum
    + commits: what the environment's refs name, by checksum
    + signed: the checksums of ring tips with a signature by the key in use
    + builds: the place of each of the source's builds, 0 for the newest, where several candidates are to be
      put in their order
    + summary: what the summary names
    + entries: of the whole journal
    + interrupted: how many of its intents nothing ended
    + unanchored: whether the journal's head must be signed
    """

    environment: Environment
    source: Environment
    repository: Repository
    refs: Mapping[str, str]
    commits: Mapping[str, Commit]
    signed: frozenset[str]
    summary: Mapping[str, str] | None
    entries: Sequence[Entry] = ()
    builds: Mapping[str, int] = field(default_factory=dict)
    interrupted: int = 0
    unanchored: bool = False

    @cached_property
    def tips(self) -> dict[str, Commit]:
        """What the rings have, by the ring's ref."""
        rings = [ring.ref for ring in self.environment.rings if ring.ref in self.refs]
        return {ref: self.commits[self.refs[ref]] for ref in rings}

    @cached_property
    def releases(self) -> list[Commit]:
        """Everything released, oldest first, also what only a ring still names."""
        return self._sorted([*self.tips, *self._below(self.environment.release_ref(""))])

    @property
    def newest(self) -> Commit | None:
        """The release with the highest serial."""
        return self.releases[-1] if self.releases else None

    @cached_property
    def candidates(self) -> list[Commit]:
        """Everything staged and not published, oldest first, where serials are the same by their builds."""
        return self._sorted(self._below(self.environment.candidate_ref("")))

    @cached_property
    def valid_candidates(self) -> list[Commit]:
        """Those that can still be published, after the newest release and for today's rings."""
        after = (self.newest.serial + 1, self.newest.checksum) if self.newest else (1, None)
        return [
            each
            for each in self.candidates
            if (each.serial, each.parent) == after
            and each.bindings == self.environment.bindings(each.version)
        ]

    @property
    def origin(self) -> Repository:
        """The repository that its builds come from; refuses one that is not there."""
        return _opened(self.source)

    @property
    def publishable(self) -> list[Commit]:
        """What `publish` may go on with, what it does where nothing is named first.

        The valid candidate; else a release that an interruption, or a failed smoke pull, left short of the
        first ring; else an overtaken candidate, to be refused; else what that ring has, to be repaired.
        """
        ring = self.environment.rings[0]
        tip = self.tips.get(ring.ref)
        behind = tip.serial if tip else 0
        released = list(reversed(self.releases))
        return [
            *reversed(self.valid_candidates),
            *(each for each in released if each.serial > behind and ring.ref in each.bindings),
            *(each for each in reversed(self.candidates) if each not in released),
            *([tip] if tip else []),
        ]

    def _below(self, prefix: str) -> list[str]:
        return [ref for ref in self.refs if ref.startswith(prefix)]

    def _sorted(self, refs: Iterable[str]) -> list[Commit]:
        last = len(self.builds)
        commits = [self.commits[checksum] for checksum in {self.refs[ref] for ref in refs}]
        return sorted(commits, key=lambda each: (each.serial, -self.builds.get(each.build or "", last)))


def look(context: Context, environment: Environment, entries: Sequence[Entry] | None = None) -> Snapshot:
    """Read a promoting environment.

    + entries: of the journal, where the caller has just read it
    """
    config = context.config
    _, source = config.promoting(environment.name)
    repository = _opened(environment)
    refs = repository.refs()
    entries = context.journal.entries() if entries is None else entries
    tips = {refs[ring.ref] for ring in environment.rings if ring.ref in refs}
    keys = frozenset({keyring.in_use(config, environment)})
    return Snapshot(
        environment=environment,
        source=source,
        repository=repository,
        refs=refs,
        commits={checksum: repository.commit(checksum) for checksum in _ours(environment, refs)},
        signed=frozenset(tip for tip in tips if repository.signed_by(tip, environment.public_key, keys)),
        summary=repository.summary(),
        entries=entries,
        builds=_history(environment, source, refs),
        interrupted=len(interrupted(entries, environment.name)),
        unanchored=anchors.is_due(config, environment, entries),
    )


def again(context: Context, seen: Snapshot) -> Snapshot:
    """Return a snapshot with the refs and the journal as they are now; a commit never changes."""
    refs = seen.repository.refs()
    new = _ours(seen.environment, refs) - seen.commits.keys()
    commits = {**seen.commits, **{checksum: seen.repository.commit(checksum) for checksum in new}}
    return replace(seen, refs=refs, commits=commits, entries=context.journal.entries())


def _ours(environment: Environment, refs: Mapping[str, str]) -> set[str]:
    return {checksum for ref, checksum in refs.items() if ref.startswith(f"{environment.home}/")}


def _history(environment: Environment, source: Environment, refs: Mapping[str, str]) -> dict[str, int]:
    """Return the places of the source's builds; nothing where at most one candidate needs one."""
    candidates = [ref for ref in refs if ref.startswith(environment.candidate_ref(""))]
    if len(candidates) < 2:
        return {}
    try:
        history = _opened(source).history(source.ref)
        return {build.checksum: place for place, build in enumerate(history)}
    except Refused:  # the releases are there all the same
        return {}


def _opened(environment: Environment) -> Repository:
    from ..repository.reading import Repository  # here, because it needs libostree

    return Repository(environment.repository)
