"""`publish`: publish a signed candidate and move the first ring to it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..command_line import reason, target
from ..context import Context
from ..text import Result

SUMMARY = "publish a signed candidate and move the first ring to it"


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    target(parser)
    parser.add_argument("--version", help="default: the candidate")
    parser.add_argument("--reason", type=reason, help="goes into the journal")


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    from ..releasing.publish import publish_only

    return "publish", publish_only(context, options.to, options.version, options.reason)
