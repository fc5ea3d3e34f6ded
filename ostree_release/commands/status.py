"""`status`: say what is where."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..context import Context
from ..text import Result

SUMMARY = "say what is where"


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes: nothing."""


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    from ..proof.status import status

    return "status", status(context)
