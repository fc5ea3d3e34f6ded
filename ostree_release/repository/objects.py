"""Objects as an archive repository stores and serves them: what they are made of, and whether they are sound.

Without libostree, so that several processes read them at a time, whether they lie here or come over HTTPS.
The formats are those of libostree's ostree-core.h and ostree-repo-file.c; values are serialised GVariants.
"""

from __future__ import annotations

import hashlib
import itertools
import stat
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_PIECE = 1 << 20  # bytes unpacked at a time
_LARGEST_HEADER = 1 << 24  # bytes: owner, mode, target and extended attributes
_BEFORE_HEADER = 8  # bytes: how long it is, and padding
_SIZE = 8  # bytes of a stored header that its checksum leaves out: the content's size
_NUMBERS = 16  # bytes: owner, group, mode, device
_WIDTHS = (1, 2, 4, 8)  # bytes of an offset in a GVariant


class Object(NamedTuple):
    """One object; kinds as the repository's files end, but for `file` (filez)."""

    checksum: str
    kind: str

    @property
    def path(self) -> str:
        """Where a repository has it, and serves it."""
        ending = "filez" if self.kind == "file" else self.kind
        return f"objects/{self.checksum[:2]}/{self.checksum[2:]}.{ending}"


class Name(NamedTuple):
    """One name in a directory's list.

    + content: the checksum of a file, or of a directory's list
    + meta: the checksum of a directory's attributes, None of a file
    """

    name: str
    content: str
    meta: str | None = None

    @property
    def objects(self) -> tuple[Object, ...]:
        """What it is made of."""
        if self.meta is None:
            return (Object(self.content, "file"),)
        return (Object(self.content, "dirtree"), Object(self.meta, "dirmeta"))


def names(content: bytes) -> Iterator[Name]:
    """Yield what a directory's list names, out of its bytes; raises ValueError if it is none."""
    width = _width(len(content))
    folders = len(content) - width
    files = int.from_bytes(content[folders:], "little")
    if files > folders:
        raise ValueError("no directory's list")
    # (a(say)a(sayay)): a name, its checksums of 32 bytes each, then where the name and the first of two end.
    for entries, checksums in ((content[:files], 1), (content[files:folders], 2)):
        for entry in _array(entries):
            width = _width(len(entry))
            end = int.from_bytes(entry[-width:], "little")
            if len(entry) != end + (32 + width) * checksums:
                raise ValueError("an entry of another length than its name and checksums have")
            given = entry[end : end + 32 * checksums].hex()
            yield Name(entry[: end - 1].decode(), given[:64], given[64:] or None)


def checksum(kind: str, pieces: Iterable[bytes]) -> str:
    """Return the checksum of an object from its bytes as they are stored; raises ValueError if broken.

    + kind: file, dirtree, dirmeta or commit
    """
    if kind == "file":
        return _checksum_of_file(iter(pieces))
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _checksum_of_file(pieces: Iterator[bytes]) -> str:
    """Return the checksum of a file: that of its attributes and its content, as neither is stored."""
    start = _at_least(_BEFORE_HEADER, b"", pieces)
    end = _BEFORE_HEADER + int.from_bytes(start[:4], "big")
    if end > _LARGEST_HEADER:
        raise ValueError("a header that is too long")
    start = _at_least(end, start, pieces)
    size, attributes = _attributes(start[_BEFORE_HEADER:end])
    digest = hashlib.sha256(len(attributes).to_bytes(4, "big") + bytes(4) + attributes)
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    unpacked = 0
    for piece in itertools.chain([start[end:]], pieces):
        more = bool(piece)
        while more and unpacked <= size:
            try:
                content = unpacker.decompress(piece, _PIECE)
            except zlib.error as error:
                raise ValueError(str(error)) from error
            unpacked += len(content)
            digest.update(content)
            piece = unpacker.unconsumed_tail
            more = bool(piece) or len(content) == _PIECE  # it has taken all of it, and has more to give
    mode = int.from_bytes(attributes[8:12], "big")
    if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
        raise ValueError(f"neither a file nor a link ({mode:o})")
    if unpacked != size or unpacker.eof != stat.S_ISREG(mode):
        raise ValueError(f"not {size} bytes when unpacked")
    return digest.hexdigest()


def _attributes(header: bytes) -> tuple[int, bytes]:
    """Return the size and the attributes `(uuuusa(ayay))` out of a stored header `(tuuuusa(ayay))`."""
    width = _width(len(header))
    begin, end = _SIZE + _NUMBERS, int.from_bytes(header[-width:], "little")
    if not begin < end <= len(header) - width:
        raise ValueError("a broken header")
    body = header[_SIZE:-width]
    width = next(width for width in _WIDTHS if len(body) + width < 1 << 8 * width)
    return int.from_bytes(header[:_SIZE], "big"), body + (end - _SIZE).to_bytes(width, "little")


def _at_least(size: int, data: bytes, pieces: Iterator[bytes]) -> bytes:
    while len(data) < size:
        piece = next(pieces, b"")
        if not piece:
            raise ValueError("ends too early")
        data += piece
    return data


def _array(data: bytes) -> Iterator[bytes]:
    """Split an array of items without a fixed size; the ends of all of them stand behind them."""
    if not data:
        return
    width = _width(len(data))
    table = int.from_bytes(data[-width:], "little")
    if table > len(data) - width:
        raise ValueError("no array")
    begin = 0
    for at in range(table, len(data), width):
        end = int.from_bytes(data[at : at + width], "little")
        if not begin < end <= table:
            raise ValueError("offsets that are out of order")
        yield data[begin:end]
        begin = end


def _width(size: int) -> int:
    return next(width for width in _WIDTHS if size < 1 << 8 * width)
