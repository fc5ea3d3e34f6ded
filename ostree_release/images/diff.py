"""The packages that differ between any two images that this server has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..composing.builds import matches
from ..config import Config, Environment
from ..context import Context
from ..errors import Refused
from ..model import Commit
from ..repo import Repository
from . import pkglist

Found = tuple[Environment, Repository, Commit]


def difference(context: Context, old: str, new: str) -> dict[str, Any]:
    """Return what differs from one image to another, as the subcommand prints it.

    Each is a build's or release's version, a ring, a composed environment (its newest build), or a checksum;
    ENVIRONMENT:NAME where several environments have the name. Refuses what is unknown or ambiguous.
    """
    before, after = find(context.config, old), find(context.config, new)
    lists = []
    for typed, (_, repository, commit) in ((old, before), (new, after)):
        packages = repository.packages(commit.checksum)
        if packages is None:
            raise Refused(f"{typed}: its commit lists no packages (rpmostree.rpmdb.pkglist)")
        lists.append(packages)
    return {"from": _described(before), "to": _described(after), "packages": pkglist.diff(*lists)}


def find(config: Config, typed: str, among: Iterable[Environment] | None = None) -> Found:
    """Return the image that somebody means, with the environment and repository it is in.

    among: the environments to look in, all where it is None; ENVIRONMENT:NAME looks in that one of them.
    """
    environment_name, separator, name = typed.rpartition(":")
    environments = list(config.environments if among is None else among)
    if separator:
        environments = [each for each in environments if each == config.environment(environment_name)]
    found: dict[str, Found] = {}
    for environment in environments:
        if not environment.repository.exists():
            continue
        repository = Repository(environment.repository)
        for checksum in _named(environment, repository, name):
            found.setdefault(checksum, (environment, repository, repository.commit(checksum)))
    if not found:
        raise Refused(f"{typed!r}: no build, release, ring or checksum of that name (see builds, status)")
    if len({commit.content for _, _, commit in found.values()}) > 1:
        where = ", ".join(f"{environment.name}:{name}" for environment, _, _ in found.values())
        raise Refused(f"{typed!r}: means several images ({where}): name the environment or give a checksum")
    return next(iter(found.values()))


def _named(environment: Environment, repository: Repository, name: str) -> Iterator[str]:
    """Yield the checksums in one environment that go by a name."""
    refs = repository.refs()
    names = {environment.release_ref(name), environment.candidate_ref(name)}
    names |= {ring.ref for ring in environment.rings if ring.name == name}
    if environment.composed and name == environment.name:
        names.add(environment.ref)
    yield from (refs[ref] for ref in sorted(names & refs.keys()))
    if environment.composed:
        history = repository.history(environment.ref)
        yield from (
            build.checksum for build in history if name == build.version or matches(build.checksum, name)
        )
    else:
        yield from (checksum for checksum in sorted(set(refs.values())) if matches(checksum, name))


def _described(found: Found) -> dict[str, Any]:
    environment, _, commit = found
    return {"environment": environment.name, "version": commit.version, "checksum": commit.checksum}
