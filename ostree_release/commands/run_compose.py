"""`run-compose`: what the systemd unit of a compose runs."""

from argparse import ArgumentParser

from ..command_line import calls


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    parser.add_argument("environment", metavar="ENV")


run = calls("run-compose", "composing.compose:run_compose", "environment")
