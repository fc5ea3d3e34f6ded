"""The subcommands, one file each: its arguments, what it runs, and the name of its words.

A file `NAME.py` is the subcommand NAME, with - for _; its docstring is what help says of it. What needs
libostree it imports inside `run`, or `calls` loads it, so that wrong usage and `config` work without. Who may
run it is in access/allowed_subcommands.py: nobody but root else.
"""

from __future__ import annotations

import importlib
import pkgutil
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from types import ModuleType

from .. import PROGRAM
from ..context import Context
from ..text import Result


def names() -> list[str]:
    """Return the names of all subcommands."""
    return sorted(each.name.replace("_", "-") for each in pkgutil.iter_modules(__path__))


def parsed(given: Sequence[str]) -> Namespace:
    """Return what was asked for; ends the program with status 2 on wrong usage."""
    known = names()
    # One file is loaded where the first word says which; help and wrong usage take all.
    return parser(given[:1] if given and given[0] in known else known).parse_args(given)


def parser(wanted: Sequence[str]) -> ArgumentParser:
    """Return the parser of some subcommands."""
    parser = ArgumentParser(prog=PROGRAM, description="Compose, promote and look at this server's images.")
    subcommands = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", required=True)
    for name in wanted:
        module = _module(name)
        summary = (module.__doc__ or "").partition(": ")[2].rstrip(".")
        subcommand = subcommands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        subcommand.add_argument(
            "--json", action="store_true", help="print one JSON document; progress goes to stderr"
        )
        if hasattr(module, "arguments"):
            module.arguments(subcommand)
    return parser


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Run the subcommand that was asked for; returns how its result is to be worded, and the result."""
    ran: tuple[str, Result] = _module(options.subcommand.partition(" ")[0]).run(options, context)
    return ran


def _module(name: str) -> ModuleType:
    return importlib.import_module(f".{name.replace('-', '_')}", __package__)
