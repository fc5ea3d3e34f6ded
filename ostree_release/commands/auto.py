"""`auto`: take the step that is due by itself, or say what it waits for."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..command_line import target
from ..context import Context
from ..text import Result

SUMMARY = "take the step that is due by itself, or say what it waits for"


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    target(parser)


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    from ..releasing.auto import auto

    return "auto", auto(context, options.to)
