"""`publish`: publish a signed candidate and move the first ring to it."""

from argparse import ArgumentParser

from ..command_line import calls, reason, target


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    target(parser)
    parser.add_argument("--version", help="default: the candidate")
    parser.add_argument("--reason", type=reason, help="goes into the journal")


run = calls("publish", "releasing.publish:publish_only", "to", "version", "reason")
