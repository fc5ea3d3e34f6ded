"""Unpacking Zstandard with the library itself, which every rpm brings: the program `zstd` may be missing.

Python has a module for it only since 3.14.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator

_LIBRARY = "libzstd.so.1"
_ROOM = 1 << 17  # bytes unpacked at a time; the library's own ZSTD_DStreamOutSize()


class _Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer: memory, its size, and how far it has been used."""

    _fields_ = (("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("used", ctypes.c_size_t))


def unpacked(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what packed bytes contain, in pieces; raises ValueError if they are none, or end too early.

    OSError if the library is not there.
    """
    frame = Decompressor()
    for block in blocks:
        while block or not (frame.needs_input or frame.eof):
            if frame.eof:
                frame = Decompressor()
            yield frame.decompress(block, _ROOM)
            block = frame.unused_data
    if not frame.eof:
        raise ValueError("ends too early")


class Decompressor:
    """Unpacks one frame, in the shape of the decompressors of the modules lzma and bz2.

    eof: whether the frame has ended; unused_data: what was given after its end; needs_input: whether there
    is nothing to unpack before more is given. OSError if the library is not there.
    """

    def __init__(self) -> None:
        self._library = _loaded()
        self._stream = self._library.ZSTD_createDStream()
        self._rest = b""
        self.eof = False
        self.unused_data = b""
        self.needs_input = True

    def __del__(self) -> None:
        if hasattr(self, "_stream"):
            self._library.ZSTD_freeDStream(self._stream)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return what the data unpacks to, at most max_length bytes; raises ValueError if it is damaged."""
        given = self._rest + data
        packed = _Buffer(ctypes.cast(ctypes.c_char_p(given), ctypes.c_void_p), len(given), 0)
        room = ctypes.create_string_buffer(max_length)
        out = _Buffer(ctypes.cast(room, ctypes.c_void_p), max_length, 0)
        wanted = self._library.ZSTD_decompressStream(self._stream, ctypes.byref(out), ctypes.byref(packed))
        if self._library.ZSTD_isError(wanted):
            raise ValueError(self._library.ZSTD_getErrorName(wanted).decode())
        self._rest = given[packed.used :]
        if wanted == 0:
            self.eof, self.unused_data = True, self._rest
        self.needs_input = not self.eof and not self._rest and out.used < max_length
        return room.raw[: out.used]


def _loaded() -> ctypes.CDLL:
    library = ctypes.CDLL(_LIBRARY)
    buffer = ctypes.POINTER(_Buffer)
    for name, result, arguments in (
        ("ZSTD_createDStream", ctypes.c_void_p, []),
        ("ZSTD_freeDStream", ctypes.c_size_t, [ctypes.c_void_p]),
        ("ZSTD_decompressStream", ctypes.c_size_t, [ctypes.c_void_p, buffer, buffer]),
        ("ZSTD_isError", ctypes.c_uint, [ctypes.c_size_t]),
        ("ZSTD_getErrorName", ctypes.c_char_p, [ctypes.c_size_t]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
