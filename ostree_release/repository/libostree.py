"""libostree itself, for the other rooms here: its namespaces, its errors, and what all of them take apart."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import gi

from ..errors import Refused

gi.require_version("OSTree", "1.0")
from gi.repository import Gio, GLib, OSTree  # noqa: E402

__all__ = ["GLib", "Gio", "OSTree", "refusing", "summary_refs", "text"]


@contextlib.contextmanager
def refusing(what: str) -> Iterator[None]:
    """Make one line of an error of libostree.

    + what: what was tried, or with what
    """
    try:
        yield
    except GLib.Error as error:
        raise Refused(f"{what}: {' '.join(error.message.split())}") from error


def text(metadata: Any, key: str) -> str | None:
    """Return a text in a dictionary of variants, or None where it has none."""
    value = metadata.lookup_value(key, GLib.VariantType("s"))
    return value.get_string() if value else None


def summary_refs(content: bytes) -> dict[str, str]:
    """Return the refs that the content of a summary names, with their checksums."""
    kind = GLib.VariantType(OSTree.SUMMARY_GVARIANT_STRING)
    refs = GLib.Variant.new_from_bytes(kind, GLib.Bytes.new(content), False).get_child_value(0)
    # (name, (size, checksum, more)): `unpack` would make 32 numbers of every checksum first.
    pairs = (refs.get_child_value(index) for index in range(refs.n_children()))
    return {
        pair.get_child_value(0).get_string(): bytes(
            pair.get_child_value(1).get_child_value(1).get_data_as_bytes().get_data()
        ).hex()
        for pair in pairs
    }
