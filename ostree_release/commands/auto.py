"""`auto`: take the step that is due by itself, or say what it waits for."""

from argparse import ArgumentParser

from ..command_line import calls, target


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    target(parser)


run = calls("auto", "releasing.auto:auto", "to")
