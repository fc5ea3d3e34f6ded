"""Composes and builds in words."""

from __future__ import annotations

from ..text import Result, next_step, packages, short, size, table, when


def _compose(result: Result) -> list[str]:
    disk = result["disk"]
    room = f"Repository: {size(disk['repository_bytes'])}, free: {size(disk['free_bytes'])}"
    return [*packages(result["packages"]), room, *_built(result), *next_step(result)]


def _built(result: Result) -> list[str]:
    """Return one line, all that `run-compose` has for the journal: whoever follows it gets `compose`'s."""
    outcome = "Built" if result["outcome"] == "built" else "No changes; the newest build is"
    name = f"{result['version']} ({short(result['checksum'])})"
    return [f"{outcome} {name} of {result['environment']}, for {result['actor']}"]


def _builds(result: Result) -> list[str]:
    if not result["builds"]:
        return [f"{result['environment']} has no build yet", *next_step(result)]
    rows = [
        (b["version"], short(b["checksum"]), when(b["timestamp"]), "signed" if b["signed"] else "NOT SIGNED")
        for b in result["builds"]
    ]
    return [*table(rows), *next_step(result)]


RENDERERS = {
    "compose": _compose,
    "run-compose": _built,
    "builds": _builds,
}
