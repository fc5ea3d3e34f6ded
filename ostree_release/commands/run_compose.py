"""`run-compose`: what the systemd unit of a compose runs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..context import Context
from ..text import Result

SUMMARY = "what the systemd unit of a compose runs"


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    parser.add_argument("environment", metavar="ENV")


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    from ..composing.compose import run_compose

    return "run-compose", run_compose(context, options.environment)
