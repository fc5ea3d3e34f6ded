"""`changelog`: say what each release changed, fixed, and who let it through."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..command_line import target
from ..context import Context
from ..text import Result


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    parser.add_argument("version", metavar="VERSION", nargs="?", help="only this release")
    target(parser)
    parser.add_argument("--ring", help="only what reached this ring")
    parser.add_argument("--format", choices=("text", "markdown", "json"), default="text")


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    from ..proof.changelog import changelog

    found = changelog(context, options.to, options.ring, options.version)
    return f"changelog-{options.format}", found
