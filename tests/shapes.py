"""Comparing JSON documents by keys and types: what the stand-in prints against what rpm-ostree printed."""

from __future__ import annotations

from typing import Any

# Whoever composes or releases a commit decides on its keys.
OPEN = ("base-commit-meta",)
# Which kinds of change there are depends on the two images.
MAY_BE_EMPTY = ("rpm-diff.added", "rpm-diff.removed", "rpm-diff.upgraded", "rpm-diff.downgraded")


def differences(recorded: Any, found: Any, path: str = "$") -> list[str]:
    """Return how the shape of a document differs from a recorded one, in one line each; none if it does not.

    Objects must have the same keys, except below OPEN ones, where the types of common keys count; list items
    are compared with the recorded item at the same place, or else with the last one recorded.
    """
    if isinstance(recorded, dict) and isinstance(found, dict):
        return _object(recorded, found, path)
    if isinstance(recorded, list) and isinstance(found, list):
        if path.endswith(MAY_BE_EMPTY) and not (recorded and found):
            return []
        if not recorded:
            return [f"{path}: recorded empty, found {len(found)} items"] if found else []
        if not found:
            return [f"{path}: recorded {len(recorded)} items, found none"]
        pairs = ((recorded[min(number, len(recorded) - 1)], item) for number, item in enumerate(found))
        return [line for number, pair in enumerate(pairs) for line in differences(*pair, f"{path}[{number}]")]
    if type(recorded) is not type(found):
        return [f"{path}: recorded {type(recorded).__name__}, found {type(found).__name__}"]
    return []


def _object(recorded: dict[str, Any], found: dict[str, Any], path: str) -> list[str]:
    lines = []
    if not path.endswith(OPEN):
        lines += [f"{path}.{key}: recorded, not found" for key in sorted(recorded.keys() - found.keys())]
        lines += [f"{path}.{key}: found, not recorded" for key in sorted(found.keys() - recorded.keys())]
    for key in sorted(recorded.keys() & found.keys()):
        lines += differences(recorded[key], found[key], f"{path}.{key}")
    return lines
