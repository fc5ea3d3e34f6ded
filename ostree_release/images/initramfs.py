"""What is in an initramfs: cpio archives in a row, as they are or compressed, with zeros between them.

The format is the kernel's (Documentation/driver-api/early-userspace/buffer-format.rst, init/initramfs.c): the
first archive often has nothing but microcode for the processor, and is not compressed. An image comes from
anywhere, so nothing here believes a length: what is kept and what is unpacked has a limit.
"""

from __future__ import annotations

import bz2
import lzma
import posixpath
import re
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Protocol

from .. import zstd

_PIECE = 1 << 20  # bytes unpacked at a time
_UNPACKED = 2 << 30  # bytes; with all of linux-firmware a generic one has some 400 million
_ENTRIES = 200_000
_DICTIONARY = 512 << 20  # bytes that xz may take; xz -9 takes 64 MiB
_HEADER = re.compile(rb"07070[12]([0-9A-Fa-f]{104})")
_HEADER_SIZE = 110
_LONGEST_NAME = 4096  # PATH_MAX, with the zero at the end
_TRAILER = "TRAILER!!!"
_MAGIC = 6  # bytes that tell what begins
_IN_USR = ("bin/", "sbin/", "lib/", "lib64/")


class UnreadableError(ValueError):
    """It is damaged, or is none; the text says how."""


class UnknownCompressionError(ValueError):
    """It may well be whole, and cannot be looked into here; the text names the compression."""


class _Decompressor(Protocol):
    """What lzma, bz2 and our zstd have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def files(pieces: Iterable[bytes]) -> frozenset[str]:
    """Return the paths of everything in an initramfs that is no directory, as `usr/bin/x` for `/bin/x`.

    + pieces: its content
    Raises UnreadableError or UnknownCompressionError.
    """
    reader = _Reader()
    reader.read(_Stream(pieces))
    return frozenset(reader.found)


class _Gzip:
    """zlib's decompressor in the shape of the others."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self.eof = False
        self.unused_data = b""
        self.needs_input = True

    def decompress(self, data: bytes, max_length: int) -> bytes:
        unpacked = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self.eof, self.unused_data = self._inner.eof, self._inner.unused_data
        self.needs_input = not self._inner.unconsumed_tail and len(unpacked) < max_length
        return unpacked


# By what they begin with, as the kernel has it (lib/decompress.c); a text names one that is not read here.
_KINDS: dict[bytes, Callable[[], _Decompressor] | str] = {
    b"\x1f\x8b": _Gzip,
    b"BZh": bz2.BZ2Decompressor,
    b"\x5d\x00\x00": partial(lzma.LZMADecompressor, lzma.FORMAT_ALONE, memlimit=_DICTIONARY),
    b"\xfd7zXZ\x00": partial(lzma.LZMADecompressor, lzma.FORMAT_XZ, memlimit=_DICTIONARY),
    b"\x28\xb5\x2f\xfd": zstd.Decompressor,
    b"\x89LZO": "lzo",
    b"\x02\x21\x4c\x18": "lz4",
    b"\x04\x22\x4d\x18": "lz4",
}


class _Stream:
    """Bytes that come in pieces, read from the front; what is ahead is cut without being copied."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = (memoryview(piece) for piece in pieces if piece)
        self._ahead = memoryview(b"")

    def piece(self) -> memoryview:
        """Return what comes next, as much as is at hand; nothing at the end."""
        found, self._ahead = self._ahead, memoryview(b"")
        return found or next(self._pieces, found)

    def read(self, size: int) -> bytes:
        """Return so many bytes, which have to be there."""
        return b"".join(self._parts(size))

    def skip(self, size: int) -> None:
        """Leave out so many bytes, which have to be there."""
        for _ in self._parts(size):
            pass

    def give_back(self, data: bytes) -> None:
        """Let this come next."""
        self._ahead = memoryview(data + self._ahead)

    def after_zeros(self) -> bytes:
        """Leave out zeros; returns the few bytes that come then, and stay, or nothing at the end."""
        found = b""
        while len(found) < _MAGIC and (piece := self.piece()):
            found = (found + piece).lstrip(b"\0")
        self.give_back(found)
        return found[:_MAGIC]

    def _parts(self, size: int) -> Iterator[memoryview]:
        """Yield so many bytes, which have to be there, as they are at hand."""
        while size:
            piece = self.piece()
            if not piece:
                raise UnreadableError("it ends too early")
            self._ahead = piece[size:]
            yield piece[:size]
            size -= len(piece[:size])


class _Reader:
    """One initramfs that is read: the paths found so far, and what has been looked at."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self._unpacked = 0
        self._entries = 0

    def read(self, stream: _Stream) -> None:
        """Read every archive, and what is compressed into archives."""
        if not stream.after_zeros():
            raise UnreadableError("it is empty")
        while magic := stream.after_zeros():
            if _is_archive(magic):
                self._read_archive(stream)
                continue
            inner = _Stream(self._unpack(stream, magic))
            while magic := inner.after_zeros():
                if not _is_archive(magic):
                    raise UnreadableError(
                        f"what was unpacked goes on with {magic!r}, which begins no cpio archive"
                    )
                self._read_archive(inner)

    def _read_archive(self, stream: _Stream) -> None:
        while True:
            header = _HEADER.fullmatch(stream.read(_HEADER_SIZE))
            if not header:
                raise UnreadableError("an entry of a cpio archive has no header")
            numbers = [int(header[1][at : at + 8], 16) for at in range(0, len(header[1]), 8)]
            mode, size, name_size = numbers[1], numbers[6], numbers[11]
            if not 1 <= name_size <= _LONGEST_NAME:
                raise UnreadableError(f"an entry of a cpio archive has a name of {name_size} bytes")
            name = stream.read(name_size).rstrip(b"\0").decode(errors="replace")
            if name == _TRAILER:
                return
            self._entries += 1
            if self._entries > _ENTRIES:
                raise UnreadableError(f"it has more than {_ENTRIES} entries")
            if not stat.S_ISDIR(mode):
                self.found.add(_path(name))
            stream.skip(-(_HEADER_SIZE + name_size) % 4)
            stream.skip(size + -size % 4)

    def _unpack(self, stream: _Stream, magic: bytes) -> Iterator[bytes]:
        decompressor = _decompressor(magic)
        while not decompressor.eof:
            data = bytes(stream.piece()) if decompressor.needs_input else b""
            if decompressor.needs_input and not data:
                raise UnreadableError("it ends too early")
            try:
                unpacked = decompressor.decompress(data, _PIECE)
            except (zlib.error, lzma.LZMAError, OSError, ValueError, EOFError) as error:
                raise UnreadableError(f"it cannot be unpacked: {error}") from error
            self._unpacked += len(unpacked)
            if self._unpacked > _UNPACKED:
                raise UnreadableError(f"it is more than {_UNPACKED >> 20} MiB when unpacked")
            yield unpacked
        stream.give_back(decompressor.unused_data)


def _is_archive(magic: bytes) -> bool:
    return magic in (b"070701", b"070702")


def _path(name: str) -> str:
    path = posixpath.normpath(f"/{name}").lstrip("/")
    return f"usr/{path}" if path.startswith(_IN_USR) else path


def _decompressor(magic: bytes) -> _Decompressor:
    kind = next((kind for beginning, kind in _KINDS.items() if magic.startswith(beginning)), None)
    if kind is None:
        raise UnreadableError(f"it has {magic!r} where a cpio archive or a compressed one has to begin")
    if isinstance(kind, str):
        raise UnknownCompressionError(kind)
    try:
        return kind()
    except OSError as error:
        raise UnknownCompressionError(f"zstd, whose library is not there: {error}") from error
