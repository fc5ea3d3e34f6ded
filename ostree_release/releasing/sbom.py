"""The bill of materials of a release: a file of its own, written before the release reaches a ring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import files
from ..config import Config, Environment
from ..context import Context
from ..errors import Refused
from ..images import diff, spdx
from ..model import Commit
from ..repo import Repository


def place(config: Config, environment: Environment, version: str) -> Path:
    """Return the file with the bill of materials of a release."""
    return config.state / "sbom" / environment.name / f"{version}.spdx.json"


def write(context: Context, environment: Environment, repository: Repository, release: Commit) -> None:
    """Write the file of a release, unless it is there as it should be; refuses where that fails.

    A commit that lists no packages has none: there is nothing to say.
    """
    if repository.packages(release.checksum) is None:
        context.say(f"No bill of materials for {release.version}: its commit lists no packages")
        return
    path = place(context.config, environment, release.version)
    content = spdx.content(_document(context.config, repository, release)).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            files.replace(path, content, 0o644)
    except OSError as error:
        raise Refused(
            f"bill of materials {path}: {error.strerror}: nothing was published; make room or deploy the "
            "server again"
        ) from error


def sbom(context: Context, typed: str) -> dict[str, Any]:
    """Return the bill of materials of a release, or of a ring's release, as an SPDX document."""
    promoting = [environment for environment in context.config.environments if not environment.composed]
    environment, repository, release = diff.find(context.config, typed, promoting)
    with context.reading(environment):
        return _document(context.config, repository, release)


def _document(config: Config, repository: Repository, release: Commit) -> dict[str, Any]:
    packages = repository.packages(release.checksum)
    if packages is None:
        raise Refused(f"{release.version}: its commit lists no packages (rpmostree.rpmdb.pkglist)")
    return spdx.document(config.image, release, packages)
