"""`sbom`: print the bill of materials of a release (SPDX 2.3)."""

from argparse import ArgumentParser

from ..command_line import calls


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    parser.add_argument("image", metavar="VERSION|RING")


run = calls("sbom", "releasing.sbom:sbom", "image")
