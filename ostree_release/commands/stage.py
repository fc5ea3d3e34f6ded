"""`stage`: stage a build as a candidate."""

from argparse import ArgumentParser

from ..command_line import calls, target


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    target(parser)
    parser.add_argument("--build", metavar="VERSION|CHECKSUM", help="default: the newest")


run = calls("stage", "releasing.stage:stage_only", "to", "build")
