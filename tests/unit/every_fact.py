"""Every fact of tasks.facts, and arguments for its command that are made from their types."""

from __future__ import annotations

import inspect
import pkgutil
import types
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Union, get_args, get_origin, get_type_hints

from pyinfra.api import FactBase

from tasks import facts
from tasks.facts.command_output import Reading


def all_facts() -> Iterator[type[FactBase[Any]]]:
    """Give each class that is defined there, but for those that others are made from."""
    for each in pkgutil.iter_modules(facts.__path__):
        module = import_module(f"tasks.facts.{each.name}")
        for found in vars(module).values():
            ours = inspect.isclass(found) and issubclass(found, FactBase) and found is not Reading
            if ours and found.__module__ == module.__name__ and not found.__name__.startswith("_"):
                yield found


def arguments(fact: type[FactBase[Any]], word: str) -> dict[str, Any]:
    """Return an argument for each parameter of a fact's command, with this word wherever there is one.

    A role is one of ours: what nobody gives is in no command.
    """
    hints = get_type_hints(fact.command)
    return {
        name: "reader" if name == "role" else _value(hints[name], word) for name in hints if name != "return"
    }


def _value(kind: Any, word: str) -> Any:
    if get_origin(kind) in (Union, types.UnionType):
        (kind,) = (each for each in get_args(kind) if each is not type(None))
    if get_origin(kind) is list:
        return [_value(get_args(kind)[0], word)] * 4
    if get_origin(kind) is dict:
        return {word: _value(get_args(kind)[1], word)}
    assert kind is str, f"{kind}: say here what a value is"
    return word
