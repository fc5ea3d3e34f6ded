"""One remote command that answers several questions: its output, cut at lines `== NAME`. A pure function."""

from __future__ import annotations

from collections.abc import Iterable


def sections(output: Iterable[str]) -> dict[str, list[str]]:
    """Cut output into named sections.

    Args:
        output: lines, with a line "== NAME" before each section; lines before the first one are dropped.

    Returns:
        The lines of each section by its name.
    """
    found: dict[str, list[str]] = {}
    name = None
    for line in output:
        if line.startswith("== "):
            name = line[3:].strip()
            found[name] = []
        elif name is not None:
            found[name].append(line)
    return found
