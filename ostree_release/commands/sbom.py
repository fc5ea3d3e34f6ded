"""`sbom`: print the bill of materials of a release (SPDX 2.3)."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..context import Context
from ..text import Result

SUMMARY = "print the bill of materials of a release (SPDX 2.3)"


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    parser.add_argument("image", metavar="VERSION|RING")


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    from ..releasing.sbom import sbom

    return "sbom", sbom(context, options.image)
