"""Composes and builds in words."""

from __future__ import annotations

from collections.abc import Callable

from ..text import Result, next_step, packages, short, size, table, when


def _compose(result: Result) -> list[str]:
    disk = result["disk"]
    room = f"Repository: {size(disk['repository_bytes'])}, free: {size(disk['free_bytes'])}"
    return [*packages(result["packages"]), room, _built(result), *next_step(result)]


def _run_compose(result: Result) -> list[str]:
    """Return one line for the journal; whoever follows it gets the rest from `compose`."""
    return [_built(result)]


def _built(result: Result) -> str:
    outcome = "Built" if result["outcome"] == "built" else "No changes; the newest build is"
    name = f"{result['version']} ({short(result['checksum'])})"
    return f"{outcome} {name} of {result['environment']}, for {result['actor']}"


def _builds(result: Result) -> list[str]:
    if not result["builds"]:
        return [f"{result['environment']} has no build yet", *next_step(result)]
    rows = [
        (b["version"], short(b["checksum"]), when(b["timestamp"]), "signed" if b["signed"] else "NOT SIGNED")
        for b in result["builds"]
    ]
    return [*table(rows), *next_step(result)]


RENDERERS: dict[str, Callable[[Result], list[str]]] = {
    "compose": _compose,
    "run-compose": _run_compose,
    "builds": _builds,
}
