"""Keeping what the package repositories say about security, as it was when a build was composed.

The gate works from this later, without a network: rpm-ostree has downloaded it into its cache anyway, or the
repository is on this machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import files
from ..config import Config, Environment
from ..context import Context
from ..errors import Refused
from ..images.advisories import Advisory
from ..repo import Repository
from . import package_repositories, repomd, updateinfo

NO_UPDATEINFO = "it has no updateinfo"

_FORMAT = 1
_KEPT = 400  # files of an environment, the newest: more than a year of nightly builds
_METADATA = "cache/repomd"  # below --cachedir; libdnf makes ID-RELEASEVER-ARCH/repodata there
_NO_RELEASE = "rpmostree-unset-releasever"  # what rpm-ostree takes where the treefile has none


@dataclass(frozen=True)
class Source:
    """A package repository of a build; problem: why it has no advisories here, or None where it has."""

    id: str
    problem: str | None


@dataclass(frozen=True)
class Kept:
    """What was kept for a build: its package repositories, and the advisories about its packages."""

    sources: tuple[Source, ...]
    advisories: tuple[Advisory, ...]


def folder(config: Config, environment: Environment) -> Path:
    """Return the directory with one file for each build of a composed environment, for everybody to read."""
    return config.state / "advisories" / environment.name


def keep(
    context: Context,
    environment: Environment,
    repository: Repository,
    build: str,
    treefile: Mapping[str, Any],
) -> None:
    """Keep the advisories about a build's packages; what cannot be read is said, and noted for the gate.

    build: checksum; treefile: the merged keys that it was composed from. Also after a compose that changed
    nothing: the repositories may say more than before.
    """
    place = folder(context.config, environment)
    try:
        content = _known(context, environment, repository, build, treefile)
        place.mkdir(parents=True, exist_ok=True)
        files.replace(place / f"{build}.json", json.dumps(content).encode(), 0o644)
        _forget_old(place)
    except OSError as error:  # a build without is still a build; the gate says that nothing was kept
        context.say(f"The advisories of {environment.name} could not be kept in {place}: {error.strerror}")


def kept(config: Config, environment: Environment, build: str) -> Kept | None:
    """Return what was kept for a build of a composed environment, or None; refuses a file that is broken."""
    path = folder(config, environment) / f"{build}.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Kept(
            tuple(Source(**source) for source in content["repositories"]),
            tuple(Advisory.of(advisory) for advisory in content["advisories"]),
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"{path}: not what a compose wrote: compose again") from error


def _known(
    context: Context,
    environment: Environment,
    repository: Repository,
    build: str,
    treefile: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what the package repositories say about a build's packages, as the file has it."""
    assert environment.cache is not None
    assert environment.treefile is not None
    release = f"{treefile.get('releasever', _NO_RELEASE)}-{treefile.get('basearch', '')}"
    used = repository.package_repositories(build)  # None: the build does not say
    names = {package.name for package in repository.packages(build) or ()}
    sources: list[dict[str, str | None]] = []
    found: dict[str, Advisory] = {}
    for name in sorted(package_repositories.listed(treefile) if used is None else used):
        problem = None
        try:
            local = package_repositories.in_place(environment.treefile.parent, treefile, name)
            for advisory in _advisories(local, environment.cache / _METADATA / f"{name}-{release}"):
                before = found.get(advisory.id)  # of another package repository
                found[advisory.id] = before.joined(advisory) if before else advisory
        except Refused as refusal:
            problem = str(refusal)
            context.say(f"No advisories of {name}: {problem}")
        sources.append({"id": name, "problem": problem})
    return {
        "format": _FORMAT,
        "build": build,
        "repositories": sources,
        "advisories": [each.as_json() for each in _about(names, found.values())],
    }


def _advisories(local: Path | None, cached: Path) -> list[Advisory]:
    if local is None and not cached.is_dir():
        raise Refused("its metadata is not in the compose's cache")
    listed = repomd.updateinfo(local or cached)
    if listed is None:
        raise Refused(NO_UPDATEINFO)
    return updateinfo.read(listed.path, listed.checksum)


def _about(names: set[str], found: Iterable[Advisory]) -> Iterator[Advisory]:
    """Yield the advisories about packages of these names, with only those packages."""
    for advisory in sorted(found, key=lambda each: each.id):
        about = advisory.about(names)
        if about.packages:
            yield about


def _forget_old(place: Path) -> None:
    for path in sorted(place.glob("*.json"), key=_modified)[:-_KEPT]:
        path.unlink(missing_ok=True)


def _modified(path: Path) -> float:
    return path.stat().st_mtime
