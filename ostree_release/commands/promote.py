"""`promote`: stage, sign and publish a build, or move what is in the ring before."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import fields

from ..command_line import reason, target
from ..context import Context
from ..text import Result


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    target(parser)
    parser.add_argument("--build", metavar="VERSION|CHECKSUM", help="default: the newest; first ring only")
    parser.add_argument("--ring", help="default: the first")
    parser.add_argument("--through", metavar="RING", help="every ring up to this one; needs a reason")
    parser.add_argument("--reason", type=reason, help="goes into the journal")
    parser.add_argument(
        "--laptop-gate",
        type=reason,
        metavar="NAME",
        help="a gate that passed elsewhere: goes into the journal",
    )
    parser.add_argument("--expect-build", metavar="CHECKSUM", help="refuse if the plan has another build")
    parser.add_argument("--expect-tip", metavar="CHECKSUM|none", help="refuse if the ring is somewhere else")
    parser.add_argument("--plan", action="store_true", help="only say what would be done")


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    from ..releasing.promote import Request, plan_only, promote

    # Every option but --to has the name of its field.
    _, *others = fields(Request)
    request = Request(options.to, **{each.name: getattr(options, each.name) for each in others})
    return ("plan", plan_only(context, request)) if options.plan else ("promote", promote(context, request))
