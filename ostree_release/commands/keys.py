"""`keys`: list the keys of an environment; as root, let one take over from another."""

from __future__ import annotations

import sys
from argparse import SUPPRESS, ArgumentParser, Namespace

from ..command_line import target
from ..context import Context
from ..text import Result

_ACTIONS = (
    ("introduce", "new|-", "publish one more key: made here, or an exported one from standard input"),
    ("use", "FINGERPRINT", "sign everything again with this key, and from now on"),
    ("withdraw", "FINGERPRINT", "let clients not trust this key any more"),
)


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    target(parser)
    actions = parser.add_subparsers(metavar="introduce|use|withdraw")
    for name, key, summary in _ACTIONS:
        # A name of its own, because no role has it: only root changes what clients trust.
        action = actions.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        action.set_defaults(subcommand=f"keys {name}")
        action.add_argument("key", metavar=key)
        action.add_argument("--to", default=SUPPRESS, metavar="ENV")
        action.add_argument("--json", action="store_true", default=SUPPRESS)


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    from ..releasing import keys

    kind: str = options.subcommand
    if kind == "keys introduce":
        return kind, keys.introduce(context, options.to, options.key, sys.stdin.buffer)
    if kind == "keys use":
        return kind, keys.use(context, options.to, options.key.upper())
    if kind == "keys withdraw":
        return kind, keys.withdraw(context, options.to, options.key.upper())
    return kind, keys.listing(context, options.to)
