"""The pieces that results in words are made of: tables, times, checksums, package changes."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Any

from .model import KINDS

_SHOWN = 20  # packages of one kind in a listing; JSON has all of them
_SIGNS = {"added": "+", "removed": "-", "upgraded": "↑", "downgraded": "↓"}

_AT_THE_TOP = ("promote",)  # files of the laptop that do not lie in tasks/
_ANY_LAPTOP = "pyinfra INVENTORY"
_laptop = _ANY_LAPTOP

Result = dict[str, Any]


def packages(changed: dict[str, list[dict[str, str]]], limit: int | None = _SHOWN) -> list[str]:
    """Return one line for each package that changed.

    + limit: how many of a kind, None for all
    """
    lines = []
    for kind in KINDS:
        changes = changed[kind]
        for change in changes[:limit]:
            versions = " -> ".join(change[end] for end in ("old", "new") if end in change)
            lines.append(f"  {_SIGNS[kind]} {change['name']} {versions}")
        if limit is not None and len(changes) > limit:
            lines.append(f"    and {len(changes) - limit} more {kind}")
    return lines


def some(lines: Sequence[str], limit: int, between: str = ", ") -> str:
    """Return the first of some words, and how many more there are."""
    more = [f"and {len(lines) - limit} more"] if len(lines) > limit else []
    return between.join([*lines[:limit], *more])


def what(image: Result | None) -> tuple[str, str, str]:
    """Return version, checksum and time of an image, for three cells of a table."""
    if not image:
        return "nothing yet", "", ""
    return image["version"], short(image["checksum"]), when(image["timestamp"])


def behind(counts: dict[str, int], source: str) -> str:
    """Return what an image is behind its source by."""
    changed = [f"{counts[kind]} {kind}" for kind in KINDS if counts[kind]]
    return f"behind {source}: {', '.join(changed)}" if changed else f"same packages as {source}"


def end(ref: str) -> str:
    """Return the last two components of a ref."""
    return "/".join(ref.split("/")[-2:])


def short(checksum: str | None) -> str:
    """Return the beginning of a checksum, or that there is none."""
    return checksum[:12] if checksum else "nothing"


def size(number: float) -> str:
    """Return bytes as a person reads them."""
    units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while number >= 1024 and len(units) > 1:
        number /= 1024
        units.pop(0)
    return f"{number:.0f} bytes" if units[0] == "bytes" else f"{number:.1f} {units[0]}"


def document(content: Result) -> str:
    """Return a document as a file of its own has it."""
    return json.dumps(content, indent=2) + "\n"


def when(timestamp: int) -> str:
    """Return seconds since 1970 as a person reads them."""
    return datetime.fromtimestamp(timestamp, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def table(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return rows with their columns aligned, two spaces apart."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def command(step: Result) -> str:
    """Return what to type for a step that a result names: on the laptop for a task, else on the server."""
    if "task" not in step:
        return " ".join(["ostree-release", step["subcommand"], *step["arguments"]])
    task = step["task"]
    entry = f"{task}.py" if task in _AT_THE_TOP else f"tasks/{task}.py"
    data = (f"--data {shlex.quote(f'{name}={value}')}" for name, value in step["data"].items())
    limits = (f"--limit {shlex.quote(name)}" for name in step.get("limit", ()))
    return " ".join([_laptop, entry, "-y", *data, *limits])


def next_step(result: Result) -> list[str]:
    """Return the line that says what to type after a result; none where it names nothing."""
    return [f"Next: {command(result['next'])}"] if result["next"] else []


def run_by(*words: str) -> None:
    """Remember how the laptop's tasks are really run, up to the inventory, for what is to be typed next."""
    global _laptop
    _laptop = shlex.join(words)


def as_typed(line: str) -> str:
    """Return a line that the server has worded, with what is to be typed on this laptop."""
    return line.replace(_ANY_LAPTOP, _laptop)
