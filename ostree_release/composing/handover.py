"""The files through which `compose` and the unit that composes speak: request in, result out; root only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .. import clock, files

_STALE = 60.0  # seconds after which a request belongs to nobody: its unit never started


def write(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file so that a reader finds all of it or the one before, for the owner only."""
    files.replace(path, json.dumps(content).encode(), 0o600)


def read(path: Path) -> dict[str, Any] | None:
    """Return the content of a JSON file, or None where there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def take_request(path: Path) -> dict[str, Any]:
    """Return the request and remove it; empty where there is none (the timer), or only an old one."""
    request = read(path) or {}
    path.unlink(missing_ok=True)
    fresh = abs(clock.now() - request.get("time", 0.0)) < _STALE
    return request if fresh else {}
