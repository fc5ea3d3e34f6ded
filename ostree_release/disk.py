"""How much room a repository takes and has left."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from .errors import Refused
from .text import size


def usage(repository: Path) -> dict[str, int]:
    """Return `repository_bytes` (allocated; several links of a file count once) and `free_bytes`."""
    return {"repository_bytes": _allocated(repository), "free_bytes": free(repository)}


def free(path: Path) -> int:
    """Return the bytes that an unprivileged user could still write to the file system of a path."""
    return shutil.disk_usage(path).free


def require(what: str, needed: int, *paths: Path) -> None:
    """Refuse with both numbers where a path has less free than is needed.

    + what: what is refused
    """
    for path in paths:
        there = free(path)
        if there < needed:
            raise Refused(
                f"{what}: {size(there)} free at {path}, {size(needed)} are needed (ostree_minimum_free_gib)"
            )


def _allocated(top: Path) -> int:
    """Count what is there; what goes away meanwhile, or is private to a running compose, counts nothing."""
    found = {}
    for folder, _, names in os.walk(top):
        for name in names:
            with contextlib.suppress(FileNotFoundError, PermissionError):
                status = Path(folder, name).lstat()
                found[status.st_dev, status.st_ino] = status.st_blocks
    return 512 * sum(found.values())  # st_blocks counts units of 512 bytes (stat(2))
