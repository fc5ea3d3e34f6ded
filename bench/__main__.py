"""`python -m bench promote|deploy|status|serve`: one command measures its rows and prints them."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from bench import deploy, promote, serve, status
from bench.measuring import as_json, table
from lab.errors import LabError

_COMMANDS: dict[str, ModuleType] = {"promote": promote, "deploy": deploy, "status": status, "serve": serve}


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    top = argparse.ArgumentParser(
        prog="python -m bench",
        description="What the project costs, side by side with the guide's commands and the floor, "
        "in a lab of its own (LAB_NAME, by default bench), which stays afterwards.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in _COMMANDS.items():
        command = commands.add_parser(name, help=(module.__doc__ or "").strip())
        command.add_argument("--runs", type=_count, default=5, help="of each, in turns; the median is shown")
        command.add_argument("--json", action="store_true", help="as one JSON document")
        module.arguments(command)
    return top


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: a whole number from 1 on")
    return int(text)


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return 1 after one line that says what is wrong."""
    options = parser().parse_args(argv)
    about = machine()
    if not options.json:
        print(", ".join(f"{name} {value}" for name, value in about.items()), flush=True)
    measured, problem = [], None
    try:
        for row in _COMMANDS[options.command].rows(options):
            measured.append(row)
            if not options.json:
                print(f"\n{table(row)}", flush=True)
    except (LabError, AssertionError, RuntimeError) as error:
        problem = error
    if options.json:
        print(json.dumps({**about, "rows": [as_json(row) for row in measured]}, indent=2))
    if problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
