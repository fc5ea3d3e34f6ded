"""What deploy.py tells the server: frozen classes as JSON on the laptop, and back on the server, checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from .config import Config
from .errors import NotAllowed, Problem, Refused

FORMAT = 5

_WORDS = {str: "text that is not empty", int: "a whole number", bool: "True or False", tuple: "a list"}
_OBJECT = "a dictionary with names as keys"


def load(path: Path) -> Config:
    """Read and check the configuration; raises Refused with one line per problem."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise Refused(f"{path}: not JSON: {error}") from error
    return parse(content, str(path))


def parse(content: object, origin: str) -> Config:
    """Return the configuration that JSON content describes.

    + origin: what problems are reported against
    """
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else content
        raise Refused(f"{origin}: format: {found!r} is not {FORMAT}: deploy the server again")
    problems: list[Problem] = []
    content = {key: each for key, each in content.items() if key != "format"}
    config = read(Config, content, (), problems, whole=True)
    if problems:
        raise Refused(*(f"{origin}: {problem}" for problem in problems))
    assert isinstance(config, Config)
    return config


def text_of(config: Config) -> str:
    """Return the configuration as `load` reads it."""
    return json.dumps({"format": FORMAT, **plain(Config, config)}, indent=2) + "\n"


def plain(kind: Any, value: Any) -> Any:
    """Return a value as JSON has it: of a class its fields, and of several with names a dictionary by name.

    + kind: a type; of a value that has more fields than it, only its own are taken
    """
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):
        (inner, *_) = get_args(kind)
        if not is_dataclass(inner):
            return list(value)
        by_name = {each.name: plain(inner, each) for each in value}
        return {
            name: {key: item for key, item in each.items() if key != "name"} for name, each in by_name.items()
        }
    (kind,) = get_args(kind)[:1] or (kind,)
    return {name: plain(hint, getattr(value, name)) for name, hint in get_type_hints(kind).items()}


def read(
    kind: Any, value: object, path: tuple[str, ...], problems: list[Problem], whole: bool = False
) -> Any:
    """Return what `plain` has made, or anybody has written, as a type; adds every problem, and is None then.

    + kind: a number, text, a path, a dictionary, a tuple of one type, a class made of these; each of them or
      None
    + path: the keys that lead to the value
    + whole: whether no field may be left out, as `plain` leaves none out
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Union:  # of something and None
        return None if value is None else read(inner[0], value, path, problems, whole)
    if is_dataclass(kind):
        return _object(kind, value, path, problems, whole)
    named = origin is tuple and is_dataclass(inner[0])
    if named and isinstance(value, Mapping):
        found = value.items()
        return tuple(_object(inner[0], each, (*path, name), problems, whole, name) for name, each in found)
    if origin is tuple and not named and isinstance(value, (list, tuple)):
        return tuple(read(inner[0], each, path, problems, whole) for each in value)
    if origin is not tuple and origin and isinstance(value, Mapping):
        return value
    if kind is Path and isinstance(value, str) and value.startswith("/"):
        return Path(value)
    if type(value) is kind and value != "":
        return value
    words = "an absolute path" if kind is Path else _WORDS.get(origin or kind, _OBJECT)
    problems.append(Problem(path, value, _OBJECT if named else words))
    return None


def _object(
    kind: Any,
    value: object,
    path: tuple[str, ...],
    problems: list[Problem],
    whole: bool,
    name: str | None = None,
) -> Any:
    """Read an object of a class.

    + name: its name where it is the key of the object in what holds it
    """
    if not isinstance(value, Mapping):
        problems.append(Problem(path, value, _OBJECT))
        return None
    before = len(problems)
    given = {} if name is None else {"name": name}
    hints = {key: hint for key, hint in get_type_hints(kind).items() if key not in given}
    there = f"left out: there are only {', '.join(hints)}"
    problems += [Problem((*path, str(key)), each, there) for key, each in value.items() if key not in hints]
    needed = {each.name for each in fields(kind) if whole or _needed(each)} - {*given, *value}
    problems += [Problem((*path, key), None, "set") for key in sorted(needed)]
    known = {
        key: read(hints[key], value[key], (*path, key), problems, whole) for key in hints if key in value
    }
    better = {(*path, each.name): each.metadata["words"] for each in fields(kind) if "words" in each.metadata}
    problems[before:] = [replace(each, words=better.get(each.path, each.words)) for each in problems[before:]]
    if len(problems) > before:
        return None
    try:
        return kind(**given, **known)
    except NotAllowed as error:
        problems += [Problem((*path, *each.path), each.value, each.words) for each in error.problems]
        return None


def _needed(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING
