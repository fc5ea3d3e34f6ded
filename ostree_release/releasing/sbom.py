"""The bill of materials of a release: a file of its own, written before the release reaches a ring."""

from __future__ import annotations

from typing import Any

from .. import files
from ..config import Config
from ..context import Context
from ..environments import find
from ..environments.snapshot import Snapshot
from ..errors import Refused
from ..images import spdx
from ..model import Commit
from ..repository.reading import Repository
from ..text import document


def write(context: Context, seen: Snapshot, release: Commit) -> None:
    """Write the file of a release, unless it is there as it should be; refuses where that fails.

    A commit that lists no packages has none: there is nothing to say.
    """
    repository = seen.repository
    if repository.packages(release.checksum) is None:
        context.say(f"No bill of materials for {release.version}: its commit lists no packages")
        return
    path = context.config.state / "sbom" / seen.environment.name / f"{release.version}.spdx.json"
    content = document(_document(context.config, repository, release)).encode()
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
    found = find.find(context.config, typed, promoting)
    with context.reading(found.environment):
        return _document(context.config, found.repository, found.commit)


def _document(config: Config, repository: Repository, release: Commit) -> dict[str, Any]:
    packages = repository.packages(release.checksum)
    if packages is None:
        raise Refused(f"{release.version}: its commit lists no packages (rpmostree.rpmdb.pkglist)")
    return spdx.document(config.image, release, packages)
