"""`hold`: keep something from being staged, signed or moved; without arguments: list."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..command_line import needed, reason
from ..context import Context
from ..errors import Refused
from ..text import Result


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("build", metavar="VERSION|CHECKSUM", nargs="?", help="a build, candidate or release")
    what.add_argument("--content", metavar="CHECKSUM", help="everything with this tree")
    what.add_argument("--inputhash", metavar="HASH", help="everything composed from these inputs")
    what.add_argument("--package", metavar="NAME-VERSION-RELEASE", help="everything that has this package")
    parser.add_argument("--release", action="store_true", help="end the hold")
    parser.add_argument("--reason", type=reason, help="goes into the journal; needed to hold and to release")


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    from ..judging import holds

    for kind in holds.KINDS:
        value = getattr(options, kind)
        if value is not None:
            change = holds.release if options.release else holds.hold
            return "hold", change(context, kind, value, needed(options.reason, "hold"))
    if options.release:
        raise Refused("hold --release: say what: a build, --content, --inputhash or --package")
    return "hold", holds.listing(context)
