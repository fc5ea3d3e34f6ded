"""The list of names that a directory is stored as, taken apart by hand: GI takes four times as long.

It is a GVariant, (a(say)a(sayay)): files with the checksum of each, then directories with that of their own
list and that of their attributes.
"""

from __future__ import annotations

from collections.abc import Iterator

_CHECKSUM = 32  # bytes


def parse(data: bytes) -> Iterator[tuple[str, ...]]:
    """Yield (name, checksum) of each file and (name, checksum, attributes' checksum) of each directory.

    Raises ValueError: the bytes are no such list.
    """
    width = _width(len(data))
    end = len(data) - width  # of the directories; behind them stands where the files end
    files = int.from_bytes(data[end:], "little") if end >= 0 else -1
    if not 0 <= files <= end:
        raise ValueError("a list without its end")
    yield from _array(data[:files], 1)
    yield from _array(data[files:end], 2)


def _array(data: bytes, checksums: int) -> Iterator[tuple[str, ...]]:
    """Yield the names of an array, each with so many checksums; behind the last stands where each ends."""
    if not data:
        return
    width = _width(len(data))
    ends = int.from_bytes(data[-width:], "little")
    if ends > len(data) - width or (len(data) - ends) % width:
        raise ValueError("an array without its ends")
    sums = range(0, checksums * _CHECKSUM, _CHECKSUM)
    start = 0
    for at in range(ends, len(data), width):
        end = int.from_bytes(data[at : at + width], "little")
        name, _, rest = data[start:end].partition(b"\0")
        # Behind the checksums stands where each part but the last ends.
        if len(rest) != checksums * (_CHECKSUM + _width(end - start)):
            raise ValueError("a name without its checksums")
        yield (name.decode(), *[rest[place : place + _CHECKSUM].hex() for place in sums])
        start = end


def _width(size: int) -> int:
    """Return how many bytes a position in so many bytes takes."""
    if size < 1 << 8:
        return 1
    return 2 if size < 1 << 16 else 4 if size < 1 << 32 else 8
