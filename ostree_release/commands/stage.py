"""`stage`: stage a build as a candidate."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..command_line import target
from ..context import Context
from ..text import Result

SUMMARY = "stage a build as a candidate"


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    target(parser)
    parser.add_argument("--build", metavar="VERSION|CHECKSUM", help="default: the newest")


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    from ..releasing.stage import stage_only

    return "stage", stage_only(context, options.to, options.build)
