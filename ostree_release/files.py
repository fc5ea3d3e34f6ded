"""Files: read, or refused in one line; written so that a reader finds all of it or the one before."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import Refused


def replace(path: Path, content: bytes, mode: int) -> None:
    """Write a file in one step, synced, with exactly that mode; raises OSError and leaves the old one."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105 - mkstemp gives a text
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)  # noqa: PTH108 - mkstemp gives a text
        raise


def read(path: Path) -> bytes | None:
    """Return the content of a file, or None where there is none; refuses one that cannot be read."""
    with refusing(path), contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    return None


def read_object(path: Path) -> dict[str, Any] | None:
    """Return the object in a JSON file, or None where there is none; refuses as `read` does."""
    try:
        content = json.loads(read(path) or b"")
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


@contextlib.contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Make one line of what the system says about a file."""
    try:
        yield
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from error
