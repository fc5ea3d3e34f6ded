"""What several subcommands have in common: arguments, how each is checked, and to run one function."""

from __future__ import annotations

import importlib
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from typing import Any

from .config import Environment, Ring
from .context import Context
from .errors import Refused
from .model import DEFAULT_ENVIRONMENT
from .text import Result

_REASON_LIMIT = 500  # characters; the journal's lines stay short


def calls(words: str, place: str, *names: str) -> Callable[[Namespace, Context], tuple[str, Result]]:
    """Return what runs one function with some options, and says how its result is worded.

    + words: the name of that
    + place: MODULE:FUNCTION of this program, loaded when it is run
    + names: of the options, in the order in which the function takes them after the context
    """

    def run(options: Namespace, context: Context) -> tuple[str, Result]:
        module, _, function = place.partition(":")
        called = getattr(importlib.import_module(f".{module}", __package__), function)
        return words, called(context, *(getattr(options, name) for name in names))

    return run


def takes(*name: str, **how: Any) -> Callable[[ArgumentParser], object]:
    """Return what adds the only argument of a subcommand, as argparse takes it."""
    return lambda parser: parser.add_argument(*name, **how)


def target(parser: ArgumentParser) -> None:
    """Add the environment that something goes to, or is in."""
    parser.add_argument(
        "--to", default=DEFAULT_ENVIRONMENT, metavar="ENV", help="environment (default: %(default)s)"
    )


def place(parser: ArgumentParser) -> None:
    """Add an environment and some of its rings."""
    target(parser)
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--ring", help="that it is to go to (default: the first)")
    chosen.add_argument("--through", metavar="RING", help="every ring up to this one")


def rings(options: Namespace, environment: Environment) -> tuple[Ring, ...]:
    """Return the rings that `place` was given, in order."""
    if options.through:
        return environment.rings_up_to(options.through)
    return (environment.ring(options.ring),)


def reason(given: str) -> str:
    """Return one printable line, or raise what argparse makes wrong usage of."""
    if len(given) > _REASON_LIMIT or not given.isprintable():
        raise ArgumentTypeError(f"one line of at most {_REASON_LIMIT} printable characters is wanted")
    return given


def needed(given: str | None, what: str) -> str:
    """Return a reason that has to be given.

    + what: the subcommand
    """
    if not given or not given.strip():
        raise Refused(f"{what}: --reason is needed: whoever looks later will want to know why")
    return given
