"""JSON that other programs print: read, and what is wrong with it in words. Pure functions."""

import json
from collections.abc import Sequence
from typing import Any

# A type; None; a tuple of shapes that are all right; a list of the shape of each item; a dictionary of the
# shapes under the keys that there must be, "KEY?" where it may be left out.
Shape = Any

_NAMES = {
    type(None): "null",
    dict: "an object",
    list: "a list",
    str: "text",
    int: "a number",
    float: "a fraction",
    bool: "a truth value",
}


def document(lines: Sequence[str], shape: Shape) -> dict[str, Any]:
    """Read the one JSON object that a program prints.

    + lines: its standard output. Lines before the first one that begins with a brace are dropped.
    + shape: what the object must have

    Returns the object.

    Raises ValueError: it is not there, not whole, not alone or of another shape; says so after a subject.
    """
    start = next((number for number, line in enumerate(lines) if line.lstrip().startswith("{")), 0)
    text = "\n".join(lines[start:]).strip()
    if not text:
        raise ValueError("printed nothing")
    try:
        found, end = json.JSONDecoder().raw_decode(text)
    except RecursionError:
        raise ValueError("printed JSON that is nested too deep") from None
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text) or error.msg.startswith("Unterminated") or not text.endswith("}")
        if text.startswith("{") and cut:
            raise ValueError(f"printed JSON that ends in the middle, with {quoted(text[-30:])}") from None
        raise ValueError(f"printed no JSON but {quoted(text)}") from None
    rest = text[end:].strip()
    if rest:
        raise ValueError(
            "printed more than one JSON document"
            if rest.startswith("{")
            else f"printed more than a JSON document: {quoted(rest)}"
        )
    if not isinstance(found, dict):
        raise ValueError(f"printed {_NAMES[type(found)]} as JSON, not an object")
    problem = wrong(found, shape)
    if problem:
        raise ValueError(f"printed JSON of another shape: {problem}")
    return found


def wrong(value: object, shape: Shape, where: str = "it") -> str | None:
    """Say what of a JSON value is not of a shape: the first thing, in words; None if it is."""
    if isinstance(shape, tuple):
        found = [wrong(value, each, where) for each in shape]
        return None if None in found else found[-1]
    kind = type(shape) if isinstance(shape, dict | list) or shape is None else shape
    if type(value) is not kind:
        return f"{where} is {_NAMES[type(value)]}, not {_NAMES[kind]}"
    inner: list[tuple[object, Shape, str]] = []
    if isinstance(value, list) and isinstance(shape, list):
        inner = [(item, shape[0], f"{where}[{number}]") for number, item in enumerate(value)]
    elif isinstance(value, dict) and isinstance(shape, dict):
        missing = next((key for key in shape if key[-1] != "?" and key not in value), None)
        if missing:
            return f"{where} has no {missing}"
        named = [(key.rstrip("?"), each) for key, each in shape.items()]
        inner = [(value[key], each, _below(where, key)) for key, each in named if key in value]
    return next(filter(None, (wrong(*each) for each in inner)), None)


def quoted(text: str) -> str:
    """Quote what a program printed: its first line, or the beginning of that."""
    line = next(iter(text.splitlines()), "")
    return repr(line if len(line) <= 60 else f"{line[:57]}...")


def _below(where: str, key: str) -> str:
    return key if where == "it" else f"{where}.{key}"
