"""`config`: check the configuration and print it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..context import Context
from ..text import Result

SUMMARY = "check the configuration and print it"


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes: nothing."""


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    return "config", context.config.as_json()
