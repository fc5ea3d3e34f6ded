"""`compose`: compose an environment now, or follow the compose that is running."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..context import Context
from ..text import Result

SUMMARY = "compose an environment now, or follow the compose that is running"


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    parser.add_argument("environment", metavar="ENV")
    parser.add_argument("--version", help="instead of <release>.<yyyymmdd>.<n>")


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    from ..composing.follow import compose

    return "compose", compose(context, options.environment, options.version)
