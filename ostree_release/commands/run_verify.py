"""`run-verify`: what the systemd unit runs: verify, and keep the result for status."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..context import Context
from ..text import Result

SUMMARY = "what the systemd unit runs: verify, and keep the result for status"


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes: nothing."""


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    from ..proof.verify import prove_and_keep

    return "verify", prove_and_keep(context)
