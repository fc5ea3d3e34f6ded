"""Reading GVariant, the format of OSTree's commits, without libostree. Pure functions.

Only what a commit can hold: containers, text, bytes and numbers. The bytes come from a machine that is not
believed here, so every offset is checked and anything unusual is an error. Numbers are little-endian, as
libostree writes them but for those that a commit's own format swaps.
"""

from typing import Any

_FIXED = {"y": 1, "b": 1, "n": 2, "q": 2, "i": 4, "u": 4, "h": 4, "x": 8, "t": 8, "d": 8}
_ALIGNED = {**_FIXED, "v": 8}
_SIGNED = "nix"
_DEPTH = 32


class NotGVariantError(ValueError):
    """The bytes are not a GVariant of that type."""


def parse(kind: str, data: bytes, depth: int = 0) -> Any:
    """Return a value as Python's own: tuples, lists (of pairs, for dictionaries), text, bytes, numbers.

    + kind: its type string, such as "(a{sv}ay)"; arrays of bytes are returned as bytes
    + data: its serialised form
    + depth: how deep it lies in others

    Raises NotGVariantError: the data is not of that type.
    """
    if depth > _DEPTH:
        raise NotGVariantError("nested too deep")
    first = kind[:1]
    if first in _FIXED:
        return _number(first, data)
    if first in ("s", "o", "g"):
        if not data.endswith(b"\0") or b"\0" in data[:-1]:
            raise NotGVariantError("text without its end")
        return _text(data[:-1])
    if first == "v":
        inner, nul, inner_kind = data.rpartition(b"\0")
        if not nul or split(_text(inner_kind)) != [_text(inner_kind)]:
            raise NotGVariantError("a variant without its type")
        return parse(_text(inner_kind), inner, depth + 1)
    if first == "a":
        return _array(kind[1:], data, depth + 1)
    if first in ("(", "{"):
        return _tuple(split(kind[1:-1]), data, depth + 1)
    if first == "m":
        return _maybe(kind[1:], data, depth + 1)
    raise NotGVariantError(f"type {kind!r}")


def split(kinds: str) -> list[str]:
    """Split a sequence of type strings into complete ones.

    Raises NotGVariantError: it is no such sequence.
    """
    found = []
    while kinds:
        length = _length(kinds, 0)
        found.append(kinds[:length])
        kinds = kinds[length:]
    return found


def _length(kinds: str, depth: int) -> int:
    """Return the length of the complete type string that some text begins with."""
    first = kinds[:1]
    if depth > _DEPTH or not first:
        raise NotGVariantError("a type without its end")
    if first in _FIXED or first in "sogv":
        return 1
    if first in "am":
        return 1 + _length(kinds[1:], depth + 1)
    if first in "({":
        position = 1
        while kinds[position : position + 1] not in (")", "}", ""):
            position += _length(kinds[position:], depth + 1)
        if kinds[position : position + 1] == {"(": ")", "{": "}"}[first]:
            return position + 1
    raise NotGVariantError(f"type {kinds!r}")


def alignment(kind: str) -> int:
    """Return to what multiple of bytes a type is aligned."""
    if kind[0] in "am":
        return alignment(kind[1:])
    if kind[0] in "({":
        return max((alignment(each) for each in split(kind[1:-1])), default=1)
    return _ALIGNED.get(kind[0], 1)


def fixed_size(kind: str) -> int | None:
    """Return how many bytes every value of a type has, or None where that depends on the value."""
    first = kind[0]
    if first in _FIXED:
        return _FIXED[first]
    if first not in "({":
        return None
    size = 0
    members = split(kind[1:-1])
    for member in members:
        own = fixed_size(member)
        if own is None:
            return None
        size = _aligned(size, alignment(member)) + own
    return _aligned(size, alignment(kind)) if members else 1


def _array(kind: str, data: bytes, depth: int) -> Any:
    if kind == "y":
        return data
    size = fixed_size(kind)
    if size is not None:
        if len(data) % size:
            raise NotGVariantError("an array of a broken length")
        return [parse(kind, data[at : at + size], depth) for at in range(0, len(data), size)]
    if not data:
        return []
    width = _offset_width(len(data))
    table = _offset(data, len(data) - width, width)
    if table > len(data) or (len(data) - table) % width:
        raise NotGVariantError("an array without its offsets")
    found, start = [], 0
    for at in range(table, len(data), width):
        end = _offset(data, at, width)
        start = _aligned(start, alignment(kind))
        if not start <= end <= table:
            raise NotGVariantError("an array with offsets out of order")
        found.append(parse(kind, data[start:end], depth))
        start = end
    return found


def _tuple(kinds: list[str], data: bytes, depth: int) -> tuple[Any, ...]:
    width = _offset_width(len(data))
    found: list[Any] = []
    position, table = 0, len(data)  # the end of the value before; where the offsets begin, read backwards
    for number, kind in enumerate(kinds):
        start = _aligned(position, alignment(kind))
        size = fixed_size(kind)
        if size is not None:
            end = start + size
        elif number == len(kinds) - 1:
            end = table
        else:
            table -= width
            end = _offset(data, table, width)
        if not start <= end <= len(data):
            raise NotGVariantError("a tuple with offsets out of order")
        found.append(parse(kind, data[start:end], depth))
        position = end
    return tuple(found)


def _maybe(kind: str, data: bytes, depth: int) -> Any:
    if not data:
        return None
    return parse(kind, data if fixed_size(kind) is not None else data[:-1], depth)


def _number(kind: str, data: bytes) -> Any:
    if len(data) != _FIXED[kind]:
        raise NotGVariantError("a number of a broken length")
    if kind == "d":
        return data  # nothing that we read is one
    return int.from_bytes(data, "little", signed=kind in _SIGNED)


def _offset_width(size: int) -> int:
    return next(width for width in (1, 2, 4, 8) if size < 1 << (8 * width))


def _offset(data: bytes, at: int, width: int) -> int:
    if at < 0:
        raise NotGVariantError("offsets outside of the value")
    return int.from_bytes(data[at : at + width], "little")


def _aligned(position: int, multiple: int) -> int:
    return -(-position // multiple) * multiple


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise NotGVariantError("text that is not UTF-8") from None
