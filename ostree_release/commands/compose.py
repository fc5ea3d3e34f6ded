"""`compose`: compose an environment now, or follow the compose that is running."""

from argparse import ArgumentParser

from ..command_line import calls


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    parser.add_argument("environment", metavar="ENV")
    parser.add_argument("--version", help="instead of <release>.<yyyymmdd>.<n>")


run = calls("compose", "composing.follow:compose", "environment", "version")
