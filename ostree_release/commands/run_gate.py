"""`run-gate`: what the systemd unit of a gate of your own runs."""

from argparse import ArgumentParser

from ..command_line import calls


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    parser.add_argument("run", metavar="RUN")


run = calls("run-gate", "gates.own.inside:run_gate", "run")
