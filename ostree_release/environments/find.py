"""The one look-up: the image that somebody means by what they typed, wherever it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..config import Config, Environment, Ring
from ..errors import Refused
from ..model import Commit
from ..repository.reading import Repository
from ..text import short
from .snapshot import Snapshot

_SHORTEST = 8  # hexadecimal digits that may stand for a checksum
_SHOWN = 3


@dataclass(frozen=True)
class Found:
    """An image with where it is."""

    environment: Environment
    repository: Repository
    commit: Commit


def find(config: Config, typed: str, among: Iterable[Environment] | None = None) -> Found:
    """Return the image that somebody means; refuses what is unknown or ambiguous.

    + typed: a build's, candidate's or release's version, a ring, a composed environment (its newest build),
      or a checksum or its beginning; after ENVIRONMENT: or ENVIRONMENT/ only there
    + among: the environments to look in, all where it is None
    """
    environments = list(config.environments if among is None else among)
    name = typed
    for separator in (":", "/"):
        before, separated, after = typed.rpartition(separator)
        if separated:
            wanted, name = config.environment(before), after
            if wanted not in environments:
                others = " or ".join(each.name for each in environments)
                raise Refused(f"{typed!r}: {before} is not {others}, which is looked in here")
            environments = [wanted]
            break
    there = [(each, Repository(each.repository)) for each in environments if each.repository.exists()]
    found: dict[tuple[str, str], Found] = {}
    for environment, repository in there:
        for checksum in _named(environment, repository, name):
            key = (environment.name, checksum)
            found.setdefault(key, Found(environment, repository, repository.commit(checksum)))
    if not found:
        where = ", ".join(each.name for each in environments)
        raise Refused(f"{typed!r}: {where} has no such {_kinds(environments)}{_newest(there)}")
    images = list(found.values())
    contents = {each.commit.content for each in images}
    if len(contents) > 1 or len({each.environment.name for each in images}) < len(images):
        several = ", ".join(f"{each.environment.name}:{short(each.commit.checksum)}" for each in images)
        raise Refused(f"{typed!r}: means several images ({several}): name the environment or give a checksum")
    return images[0]


def build(config: Config, environment: Environment, typed: str | None) -> Commit:
    """Return a build of a composed environment, the newest where nothing was typed; refuses if unknown."""
    if typed is not None:
        return find(config, typed, [environment]).commit
    newest = next(Repository(environment.repository).history(environment.ref), None)
    if newest is None:
        raise Refused(f"{environment.name} has no build yet: compose one first")
    return newest


def build_for(config: Config, seen: Snapshot, ring: Ring, typed: str | None) -> Commit | None:
    """Return the build for the first ring; None for a later one, which takes what the ring before it has."""
    first = seen.environment.rings[0]
    if ring == first:
        return build(config, seen.source, typed)
    if typed:
        raise Refused(
            f"build {typed}: only the first ring, {first.name}, takes a build; "
            f"{ring.name} takes what is in the ring before it"
        )
    return None


def candidate(config: Config, seen: Snapshot, typed: str | None) -> Commit:
    """Return a candidate or release, without a name the candidate that is due.

    That is the only one that can still be published, else the newest that was; several are refused.
    """
    if typed is not None:
        named = find(config, typed, [seen.environment]).commit
        if named not in (*seen.candidates, *seen.releases):
            raise Refused(f"{typed!r}: is neither a candidate nor a release of {seen.environment.name}")
        return named
    valid = seen.valid_candidates
    if len(valid) > 1:
        versions = ", ".join(each.version for each in valid)
        raise Refused(f"{seen.environment.name} has {len(valid)} candidates: say which one of {versions}")
    if not seen.candidates:
        raise Refused(f"no candidate in {seen.environment.name}: stage a build first")
    return valid[0] if valid else seen.candidates[-1]


def _named(environment: Environment, repository: Repository, name: str) -> Iterator[str]:
    """Yield the checksums in one environment that go by a name."""
    refs = repository.refs()
    names = {environment.release_ref(name), environment.candidate_ref(name)}
    names |= {ring.ref for ring in environment.rings if ring.name == name}
    if environment.composed and name == environment.name:
        names.add(environment.ref)
    yield from (refs[ref] for ref in sorted(names & refs.keys()))
    # A release whose own ref is missing goes by its version too: it is there to be repaired.
    tips = {refs[ring.ref] for ring in environment.rings if ring.ref in refs}
    yield from (tip for tip in sorted(tips) if repository.has(tip) and repository.commit(tip).version == name)
    if environment.composed:
        history = repository.history(environment.ref)
        yield from (each.checksum for each in history if name == each.version or _begins(each.checksum, name))
    else:
        yield from (checksum for checksum in sorted(set(refs.values())) if _begins(checksum, name))


def _begins(checksum: str, typed: str) -> bool:
    return len(typed) >= _SHORTEST and checksum.startswith(typed.lower())


def _kinds(environments: Iterable[Environment]) -> str:
    composed = {each.composed for each in environments}
    if composed == {True}:
        return "build"
    return "candidate, release or ring" if composed == {False} else "build, candidate, release or ring"


def _newest(there: Iterable[tuple[Environment, Repository]]) -> str:
    """Return the names that would have been found first."""
    versions: list[str] = []
    for environment, repository in there:
        if environment.composed:
            commits = [each for _, each in zip(range(_SHOWN), repository.history(environment.ref))]
        else:
            refs = repository.refs()
            ours = {refs[ref] for ref in refs if ref.startswith(f"{environment.home}/")}
            whole = map(repository.commit, filter(repository.has, ours))
            commits = sorted(whole, key=lambda each: -each.serial)[:_SHOWN]
        versions += [each.version for each in commits]
    return f"; its newest are {', '.join(dict.fromkeys(versions))}" if versions else ""
