"""`builds`: list the builds of a composed environment, newest first."""

from __future__ import annotations

from argparse import Namespace

from ..command_line import takes
from ..context import Context
from ..model import following
from ..text import Result

arguments = takes("environment", metavar="ENV", nargs="?")


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    from ..repository.reading import Repository
    from ..signing.gpg import fingerprints

    composed = [environment.name for environment in context.config.environments if environment.composed]
    environment = context.config.composed(options.environment or composed[0])
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
    step = following("compose")
    if builds:
        step = {"subcommand": "diff", "arguments": [builds[-1]["version"], builds[0]["version"]]}
    return "builds", {"environment": environment.name, "builds": builds, "next": step}
