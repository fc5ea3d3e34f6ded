"""`diff`: compare the packages of two images."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..context import Context
from ..errors import Refused
from ..text import Result


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    for name in ("old", "new"):
        parser.add_argument(
            name, metavar=name.upper(), help="version, ring, composed environment or checksum"
        )


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    from ..environments.find import find
    from ..images import pkglist

    lists, ends = [], []
    for typed in (options.old, options.new):
        found = find(context.config, typed)
        packages = found.repository.packages(found.commit.checksum)
        if packages is None:
            raise Refused(f"{typed}: its commit lists no packages (rpmostree.rpmdb.pkglist)")
        lists.append(packages)
        ends.append(
            {
                "environment": found.environment.name,
                "version": found.commit.version,
                "checksum": found.commit.checksum,
            }
        )
    return "diff", {"from": ends[0], "to": ends[1], "packages": pkglist.diff(*lists)}
