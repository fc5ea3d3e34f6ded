"""`verify`: prove what is published from the journal; exit 1 if something is wrong."""

from argparse import ArgumentParser

from ..command_line import calls


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    parser.add_argument("--to", metavar="ENV", help="default: every promoting environment")


run = calls("verify", "proof.verify:prove", "to")
