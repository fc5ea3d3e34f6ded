"""Rows 1 to 4: promotions, on the lab's server."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from bench import lab
from bench.measuring import Row


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what it takes."""
    parser.add_argument("--objects", type=int, nargs="*", default=[5000, 40000], help="of each build, about")
    parser.add_argument(
        "--releases", type=int, nargs="*", default=[5, 200], help="before it, of builds of 5000 objects"
    )


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """Yield the rows."""
    asked = {"objects": options.objects, "releases": options.releases, "runs": options.runs}
    yield from lab.rows(lab.server(), "promote", asked)
