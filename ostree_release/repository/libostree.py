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
    refs, _ = GLib.Variant.new_from_bytes(kind, GLib.Bytes.new(content), False).unpack()
    return {ref: bytes(checksum).hex() for ref, (_, checksum, _) in refs}
