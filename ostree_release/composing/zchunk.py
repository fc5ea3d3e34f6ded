"""Unpacking zchunk, as Fedora packs its updateinfo, with libzck itself: createrepo_c and librepo bring it.

A file's header says how large everything becomes: that is known before memory is taken for it. The names and
values are those of the library's zck.h.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from typing import BinaryIO

_LIBRARY = "libzck.so.1"
_ROOM = 1 << 16  # bytes unpacked at a time
# Bytes of one chunk unpacked, which the library holds in memory; a usual one has a million.
_LARGEST = 1 << 28
_SILENT = 4  # ZCK_LOG_NONE: or it prints its errors


def unpacked(file: BinaryIO) -> Iterator[bytes]:
    """Yield what an open file contains, in pieces; raises ValueError if it is no zchunk, or damaged.

    OSError if the library is not there.
    """
    library = _loaded()
    library.zck_set_log_level(_SILENT)
    context = ctypes.c_void_p(library.zck_create())
    room = ctypes.create_string_buffer(_ROOM)
    try:
        _read_header(library, context, file)
        while (count := library.zck_read(context, room, _ROOM)) > 0:
            yield room.raw[:count]
        if count < 0:
            raise ValueError(_reason(library, context))
    finally:
        library.zck_free(ctypes.byref(context))


def _read_header(library: ctypes.CDLL, context: ctypes.c_void_p, file: BinaryIO) -> None:
    size = os.fstat(file.fileno()).st_size
    os.lseek(file.fileno(), 0, os.SEEK_SET)  # the library knows nothing of Python's buffer
    if not library.zck_init_adv_read(context, file.fileno()) or not library.zck_read_lead(context):
        raise ValueError(_reason(library, context))
    if not 0 <= library.zck_get_header_length(context) <= size:
        raise ValueError("ends too early")
    if not library.zck_read_header(context):
        raise ValueError(_reason(library, context))
    if library.zck_get_length(context) > size:
        raise ValueError("ends too early")
    chunk = library.zck_get_first_chunk(context)
    while chunk:
        if not 0 <= library.zck_get_chunk_size(chunk) <= _LARGEST:
            raise ValueError(f"a chunk of more than {_LARGEST >> 20} MiB when unpacked")
        chunk = library.zck_get_next_chunk(chunk)


def _reason(library: ctypes.CDLL, context: ctypes.c_void_p) -> str:
    said: bytes = library.zck_get_error(context) or b""
    return " ".join(said.decode(errors="replace").split()) or "not a zchunk file"


def _loaded() -> ctypes.CDLL:
    library = ctypes.CDLL(_LIBRARY)
    for name, result, arguments in (
        ("zck_set_log_level", None, [ctypes.c_int]),
        ("zck_create", ctypes.c_void_p, []),
        ("zck_init_adv_read", ctypes.c_bool, [ctypes.c_void_p, ctypes.c_int]),
        ("zck_read_lead", ctypes.c_bool, [ctypes.c_void_p]),
        ("zck_read_header", ctypes.c_bool, [ctypes.c_void_p]),
        ("zck_get_header_length", ctypes.c_ssize_t, [ctypes.c_void_p]),
        ("zck_get_length", ctypes.c_ssize_t, [ctypes.c_void_p]),
        ("zck_get_first_chunk", ctypes.c_void_p, [ctypes.c_void_p]),
        ("zck_get_next_chunk", ctypes.c_void_p, [ctypes.c_void_p]),
        ("zck_get_chunk_size", ctypes.c_ssize_t, [ctypes.c_void_p]),
        ("zck_read", ctypes.c_ssize_t, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]),
        ("zck_get_error", ctypes.c_char_p, [ctypes.c_void_p]),
        ("zck_free", None, [ctypes.POINTER(ctypes.c_void_p)]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
