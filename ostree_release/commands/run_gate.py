"""`run-gate`: what the systemd unit of a gate of your own runs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..context import Context
from ..text import Result

SUMMARY = "what the systemd unit of a gate of your own runs"


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    parser.add_argument("run", metavar="RUN")


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    from ..gates.own.inside import run_gate

    return "run-gate", run_gate(context, options.run)
