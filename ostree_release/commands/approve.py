"""`approve`: let through what the gates found about a candidate or release."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..command_line import needed, place, reason, rings
from ..context import Context
from ..text import Result


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    parser.add_argument("version", metavar="VERSION")
    place(parser)
    parser.add_argument("--reason", type=reason, help="goes into the journal; needed unless --plan")
    parser.add_argument(
        "--override",
        metavar="GATE[,GATE]",
        type=lambda given: given.split(","),
        default=[],
        help="let the failures of these gates through too",
    )
    parser.add_argument("--expect", metavar="DIGEST", help="refuse if the findings are not those of --plan")
    parser.add_argument("--plan", action="store_true", help="only list what would be approved")


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    from ..judging import approve

    environment, _ = context.config.promoting(options.to)
    chosen = rings(options, environment)
    if options.plan:
        return "approve", approve.look(context, environment, options.version, chosen)
    why = needed(options.reason, "approve")
    return "approve", approve.approve(
        context, environment, options.version, chosen, why, options.override, options.expect
    )
