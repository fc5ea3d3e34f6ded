"""What is kept beside a build, because nothing in the image says it: advisories, and packages' origins.

Gates work from this later, without a network. What the package repositories say about security is in
rpm-ostree's cache anyway, or the repository is on this machine; where each package came from it prints.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import files
from ..config import Config, Environment
from ..context import Context
from ..errors import Refused
from ..images.advisories import Advisory
from . import package_repositories, repomd, updateinfo

if TYPE_CHECKING:
    from ..repository.reading import Repository

NO_UPDATEINFO = "it has no updateinfo"

_FORMAT = 1
_KEPT = 400  # files of an environment, the newest: more than a year of nightly builds
_METADATA = "cache/repomd"  # below --cachedir; libdnf makes ID-RELEASEVER-ARCH/repodata there
_LINE = re.compile(r"  (\S+) \((\S+)\)")  # as rpm-ostree lists what it installs
_NO_RELEASE = "rpmostree-unset-releasever"  # what rpm-ostree takes where the treefile has none


@dataclass(frozen=True)
class Source:
    """A package repository of a build.

    + problem: why it has no advisories here, or None where it has
    """

    id: str
    problem: str | None


@dataclass(frozen=True)
class Kept:
    """What was kept for a build: its package repositories, and the advisories about its packages."""

    sources: tuple[Source, ...]
    advisories: tuple[Advisory, ...]


def keep_advisories(
    context: Context,
    environment: Environment,
    repository: Repository,
    build: str,
    treefile: Mapping[str, Any],
) -> None:
    """Keep the advisories about a build's packages; what cannot be read is said, and noted for the gate.

    + build: checksum
    + treefile: the merged keys that it was composed from
    Also after a compose that changed nothing: the repositories may say more than before.
    """
    words = f"The advisories of {environment.name}"
    with _keeping(context, "advisories", words, environment, build) as content:
        content |= _known(context, environment, repository, build, treefile)


def keep_origins(context: Context, environment: Environment, build: str, origins: Mapping[str, str]) -> None:
    """Keep where a build's packages came from.

    + build: its checksum

    What cannot be written is said.
    """
    words = f"The origins of {environment.name}'s packages"
    with _keeping(context, "origins", words, environment, build) as content:
        content |= origins


def listed(lines: Iterable[str]) -> dict[str, str]:
    """Return package -> repository from what rpm-ostree printed; packages by their whole name."""
    found = (_LINE.fullmatch(line.rstrip()) for line in lines)
    return {match[1]: match[2] for match in found if match}


def advisories(config: Config, environment: Environment, build: str) -> Kept | None:
    """Return what was kept for a build of a composed environment, or None; refuses a file that is broken."""
    content = _read(config, "advisories", environment, build)
    if content is None:
        return None
    try:
        return Kept(
            tuple(Source(**source) for source in content["repositories"]),
            tuple(Advisory.of(advisory) for advisory in content["advisories"]),
        )
    except (KeyError, TypeError) as error:
        raise _broken(_path(config, "advisories", environment, build)) from error


def origins(config: Config, environment: Environment, build: str) -> dict[str, str] | None:
    """Return package -> repository of a build, or None if not kept; refuses a file that is broken."""
    content = _read(config, "origins", environment, build)
    return None if content is None else {str(name): str(repository) for name, repository in content.items()}


def _path(config: Config, kind: str, environment: Environment, build: str) -> Path:
    """Return a file for everybody to read.

    + kind: what it has
    + build: checksum
    """
    return config.state / kind / environment.name / f"{build}.json"


@contextlib.contextmanager
def _keeping(
    context: Context, kind: str, words: str, environment: Environment, build: str
) -> Iterator[dict[str, Any]]:
    """Write what the block puts into a dictionary to a file, and forget the oldest ones.

    A build without it is still a build, and gates say so; what the block cannot read must not end the compose
    either.
    """
    path = _path(context.config, kind, environment, build)
    content: dict[str, Any] = {}
    try:
        yield content
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, json.dumps(content, sort_keys=True).encode(), 0o644)
        for old in sorted(path.parent.glob("*.json"), key=lambda each: each.stat().st_mtime)[:-_KEPT]:
            old.unlink(missing_ok=True)
    except OSError as error:
        context.say(f"{words} could not be kept in {path.parent}: {error.strerror}")


def _read(config: Config, kind: str, environment: Environment, build: str) -> dict[str, Any] | None:
    path = _path(config, kind, environment, build)
    text = files.read(path)
    if text is None:
        return None
    try:
        content = json.loads(text)
    except ValueError as error:
        raise _broken(path) from error
    if not isinstance(content, dict):
        raise _broken(path)
    return content


def _broken(path: Path) -> Refused:
    return Refused(f"{path}: not what a compose wrote: compose again")


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
    about = (found[identifier].about(names) for identifier in sorted(found))
    return {
        "format": _FORMAT,
        "build": build,
        "repositories": sources,
        "advisories": [each.as_json() for each in about if each.packages],
    }


def _advisories(local: Path | None, cached: Path) -> list[Advisory]:
    if local is None and not cached.is_dir():
        raise Refused("its metadata is not in the compose's cache")
    listed = repomd.updateinfo(local or cached)
    if listed is None:
        raise Refused(NO_UPDATEINFO)
    return updateinfo.read(listed.path, listed.checksum)
