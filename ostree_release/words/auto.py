"""Automatic promotion in words."""

from __future__ import annotations

from collections.abc import Callable

from .pieces import Result


def _auto(result: Result) -> list[str]:
    lines = [f"Repaired: {each}" for each in result["repaired"]]
    if result["outcome"] == "nothing":
        return [*lines, f"Nothing to do: no ring of {result['environment']} waits for anything"]
    if result["outcome"] in ("waiting", "repaired"):
        return [*lines, f"{result['outcome'].capitalize()}: {result['line']}"]
    lines += [f"Passed over {each['version']}: {each['line']}" for each in result["passed"]]
    release = result["release"]
    where = f"{result['environment']}/{result['ring']}"
    return [
        *lines,
        f"Promoted: {where} has {release['version']} ({release['checksum'][:12]})",
        f"Next: {result['next']}, or wait",
    ]


RENDERERS: dict[str, Callable[[Result], list[str]]] = {"auto": _auto}
