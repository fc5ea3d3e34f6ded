"""`sign`: sign a candidate with the environment's key, here or elsewhere."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from ..command_line import target
from ..context import Context
from ..text import Result


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    target(parser)
    parser.add_argument("--version", help="default: the candidate")
    elsewhere = parser.add_mutually_exclusive_group()
    elsewhere.add_argument("--request", action="store_true", help="hand out what is to be signed elsewhere")
    elsewhere.add_argument("--attach", action="store_true", help="take its signature from standard input")
    parser.add_argument("--expect", metavar="CHECKSUM", help="what was signed; needed with --attach")


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    from ..releasing import offline_signing
    from ..releasing.sign import sign_only

    if options.request:
        return "request", offline_signing.request(context, options.to, options.version)
    if options.attach:
        signature = sys.stdin.buffer
        return "sign", offline_signing.attach(context, options.to, options.version, options.expect, signature)
    return "sign", sign_only(context, options.to, options.version)
