"""Archives as an initramfs is made of, written by the tests themselves."""

from __future__ import annotations

from collections.abc import Mapping


def archive(files: Mapping[str, bytes], padding: int = 512) -> bytes:
    """Return a cpio archive in the format newc with these files, and a directory for good measure."""
    packed = b""
    entries = [("usr", 0o40755, b""), *((name, 0o100644, content) for name, content in files.items())]
    for name, mode, content in [*entries, ("TRAILER!!!", 0, b"")]:
        fields = (1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        packed += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        packed += b"\0" * (-len(packed) % 4) + content
        packed += b"\0" * (-len(packed) % 4)
    return packed + b"\0" * (-len(packed) % padding)
