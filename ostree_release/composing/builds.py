"""The builds of a composed environment, and finding the one that somebody means."""

from __future__ import annotations

from ..config import Environment
from ..context import Context
from ..errors import Refused
from ..images.pkglist import Diff, diff, nothing
from ..model import Commit
from ..repo import Repository
from ..signing.gpg import fingerprints


def find(environment: Environment, repository: Repository, wanted: str | None) -> Commit:
    """Return the newest build, or that of a version or checksum (8 digits or more); refuses if unknown."""
    builds = list(repository.history(environment.ref))
    if not builds:
        raise Refused(f"{environment.name} has no build yet: compose one first")
    if wanted is None:
        return builds[0]
    found = [build for build in builds if build.version == wanted or matches(build.checksum, wanted)]
    if not found:
        newest = ", ".join(build.version for build in builds[:3])
        raise Refused(f"build {wanted!r}: {environment.name} has no such build; its newest are {newest}")
    if len(found) > 1:
        raise Refused(
            f"build {wanted!r}: {len(found)} builds of {environment.name} are called that: give a checksum"
        )
    return found[0]


def matches(checksum: str, wanted: str) -> bool:
    """Say whether what somebody typed is a checksum or the beginning of one."""
    return len(wanted) >= 8 and checksum.startswith(wanted.lower())


def listing(context: Context, environment: Environment) -> dict[str, object]:
    """Return the builds as the subcommand prints them, newest first."""
    keys = fingerprints(environment.public_key)
    with context.reading(environment):
        repository = Repository(environment.repository)
        builds = [
            {
                "version": build.version,
                "checksum": build.checksum,
                "timestamp": build.timestamp,
                "signed": repository.signed_by(build.checksum, environment.public_key, keys),
            }
            for build in repository.history(environment.ref)
        ]
    return {"environment": environment.name, "builds": builds}


def changes(old: tuple[Repository, str] | None, new: tuple[Repository, str]) -> Diff:
    """Return the packages that differ; nothing where there is no older commit or a list is missing."""
    if old is None:
        return nothing()
    before, after = old[0].packages(old[1]), new[0].packages(new[1])
    return nothing() if before is None or after is None else diff(before, after)
