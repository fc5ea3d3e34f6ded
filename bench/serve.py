"""Row 7: httpd under many clients that keep their connections, with our file and without."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from bench import lab
from bench.measuring import Row


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what it takes."""
    parser.add_argument("--clients", type=int, default=500, help="at the same time")
    parser.add_argument("--seconds", type=int, default=20, help="of each run")


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """Yield the row."""
    asked = {"clients": options.clients, "seconds": options.seconds, "runs": options.runs}
    yield from lab.rows(lab.server(), "serve", asked)
