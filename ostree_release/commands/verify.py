"""`verify`: prove what is published from the journal; exit 1 if something is wrong."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..context import Context
from ..text import Result

SUMMARY = "prove what is published from the journal; exit 1 if something is wrong"


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    parser.add_argument("--to", metavar="ENV", help="default: every promoting environment")


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    from ..proof.verify import prove

    return "verify", prove(context, options.to)
