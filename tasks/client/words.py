"""How checksums, ages and package changes read. Pure functions."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

Packages = Mapping[str, Sequence[Mapping[str, str]]]

_STEPS = ((86400, "day"), (3600, "hour"), (60, "minute"))


def age(timestamp: float, now: float | None = None) -> str:
    """Say how long ago something was, in its largest unit.

    Args:
        timestamp: seconds since 1970, UTC.
        now: the present in the same unit; by default the clock of this machine.

    Returns:
        For example "3 days"; "less than a minute" also for the future.
    """
    seconds = (time.time() if now is None else now) - timestamp
    for size, name in _STEPS:
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {name}" + ("s" if number != 1 else "")
    return "less than a minute"


def package_lines(packages: Packages) -> list[str]:
    """List package changes, one per line, in the server's words for them."""
    lines = [
        f"upgraded    {each['name']} {each['old']} -> {each['new']}" for each in packages.get("upgraded", ())
    ]
    lines += [
        f"downgraded  {each['name']} {each['old']} -> {each['new']}"
        for each in packages.get("downgraded", ())
    ]
    lines += [f"added       {each['name']} {each['new']}" for each in packages.get("added", ())]
    lines += [f"removed     {each['name']} {each['old']}" for each in packages.get("removed", ())]
    return lines


def difference(counts: Mapping[str, int] | None) -> str:
    """Say how far one image is from another in packages.

    Args:
        counts: numbers by "added", "removed", "upgraded", "downgraded"; None when it is not known.

    Returns:
        For example "3 upgraded, 1 added"; "same packages" without any.
    """
    if counts is None:
        return "-"
    parts = [
        f"{counts[kind]} {kind}"
        for kind in ("upgraded", "downgraded", "added", "removed")
        if counts.get(kind)
    ]
    return ", ".join(parts) or "same packages"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Align rows under their headings, two spaces between columns and none at the end of a line."""
    widths = [max(len(row[column]) for row in [headings, *rows]) for column in range(len(headings))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [headings, *rows]
    ]
