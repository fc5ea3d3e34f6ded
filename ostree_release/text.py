"""Results in words: what a person reads where a program reads JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from typing import Any

from .disk import in_words
from .pkglist import KINDS

_SHOWN = 20  # packages of one kind in a listing; JSON has all of them
_SIGNS = {"added": "+", "removed": "-", "upgraded": "↑", "downgraded": "↓"}

Result = dict[str, Any]


def render(subcommand: str, result: Result) -> list[str]:
    """Return the lines that say a subcommand's result."""
    return _RENDERERS[subcommand](result)


def _compose(result: Result) -> list[str]:
    disk = result["disk"]
    room = f"Repository: {in_words(disk['repository_bytes'])}, free: {in_words(disk['free_bytes'])}"
    return [*_packages(result["packages"]), room, _built(result), "Next: pyinfra INVENTORY promote.py"]


def _run_compose(result: Result) -> list[str]:
    """Return one line for the journal; whoever follows it gets the rest from `compose`."""
    return [_built(result)]


def _built(result: Result) -> str:
    what = "Built" if result["outcome"] == "built" else "No changes; the newest build is"
    name = f"{result['version']} ({result['checksum'][:12]})"
    return f"{what} {name} of {result['environment']}, for {result['actor']}"


def _builds(result: Result) -> list[str]:
    if not result["builds"]:
        return [f"{result['environment']} has no build yet", "Next: pyinfra INVENTORY tasks/compose.py"]
    rows = [
        (b["version"], b["checksum"][:12], _when(b["timestamp"]), "signed" if b["signed"] else "NOT SIGNED")
        for b in result["builds"]
    ]
    return [*_table(rows), f"Next: ostree-release diff {rows[-1][0]} {rows[0][0]}"]


def _promote(result: Result) -> list[str]:
    release, build, ring = result["release"], result["build"], result["ring"]
    environment = result["environment"]
    lines = _packages(result["packages"])
    lines += [f"{move['ref']}: {_short(move['from'])} -> {_short(move['to'])}" for move in result["moves"]]
    lines += [f"Repaired: {repair}" for repair in result["repaired"]]
    name = f"{release['version']} ({release['checksum'][:12]})"
    where = f"{environment}/{ring} has {name}, build {build['version']}"
    outcome = {"promoted": "Promoted", "repaired": "Repaired", "unchanged": "Nothing to do"}[
        result["outcome"]
    ]
    return [*lines, f"{outcome}: {where}, by {result['actor']}", f"Next: {result['next']}"]


def _plan(result: Result) -> list[str]:
    release = result["release"]
    lines = _packages(result["packages"])
    for move in result["moves"]:
        old = move["from"]["version"] if move["from"] else "nothing"
        lines.append(f"{move['ref']}: {old} -> {move['to']['version']}")
    lines += [f"Would repair: {repair}" for repair in result["repairs"]]
    where = f"{result['environment']}/{result['ring']}"
    what = {
        "promote": f"Would promote build {result['build']['version']} to {where} as {release['version']}",
        "repair": f"Would repair {release['version']} in {where}",
        "unchanged": f"Nothing to do: {where} has {release['version']}",
    }
    return [*lines, what[result["outcome"]]]


def _step(result: Result) -> list[str]:
    release = result["release"]
    outcome = {"unchanged": "Nothing to do"}.get(result["outcome"], result["outcome"].capitalize())
    where = f"{result['environment']}: {release['version']} ({release['checksum'][:12]})"
    return [f"{outcome}: {where}", f"Next: {result['next']}"]


def _status(result: Result) -> list[str]:
    rows = []
    following = "pyinfra INVENTORY tasks/compose.py"
    for name, environment in result["environments"].items():
        if environment["composed"]:
            rows.append((name, *_what(environment["build"]), ""))
            if environment["build"]:
                following = "pyinfra INVENTORY promote.py"
            continue
        for ring in environment["rings"]:
            behind = ring["behind"]
            changes = "" if behind is None else _behind(behind, environment["promotes_from"])
            rows.append((f"{name}/{ring['name']}", *_what(ring["release"]), changes))
    return [*_table(rows), f"Next: {following}"]


def _log(result: Result) -> list[str]:
    rows = []
    for entry in result["entries"]:
        moves = ", ".join(f"{_end(m['ref'])} -> {_short(m['to'])}" for m in entry.get("moves", ()))
        words = [entry.get("version", ""), moves, entry.get("reason", "")]
        rows.append(
            (
                entry.get("time", ""),
                entry.get("actor", ""),
                entry.get("environment", ""),
                entry.get("action", ""),
                entry.get("event", ""),
                "  ".join(filter(None, words)),
            )
        )
    broken = ", ".join(map(str, result["broken"]))
    return [
        *_table(rows),
        *([f"BROKEN: line {broken} does not follow from the line before"] if broken else []),
    ]


def _diff(result: Result) -> list[str]:
    ends = [
        f"{end['environment']} {end['version']} ({end['checksum'][:12]})"
        for end in (result["from"], result["to"])
    ]
    return [*_packages(result["packages"], limit=None), f"{ends[0]} -> {ends[1]}"]


def _config(result: Result) -> list[str]:
    rows = []
    for name, environment in result["environments"].items():
        source = environment["promotes_from"]
        rows.append(
            (name, f"from {source}" if source else "composed", environment["ref"], environment["url"])
        )
    return [*_table(rows), "The configuration is right"]


def _packages(packages: dict[str, list[dict[str, str]]], limit: int | None = _SHOWN) -> list[str]:
    lines = []
    for kind in KINDS:
        changes = packages[kind]
        for change in changes[:limit]:
            versions = " -> ".join(change[end] for end in ("old", "new") if end in change)
            lines.append(f"  {_SIGNS[kind]} {change['name']} {versions}")
        if limit is not None and len(changes) > limit:
            lines.append(f"    and {len(changes) - limit} more {kind}")
    return lines


def _what(image: Result | None) -> tuple[str, str, str]:
    return (
        (image["version"], image["checksum"][:12], _when(image["timestamp"]))
        if image
        else ("nothing yet", "", "")
    )


def _behind(counts: dict[str, int], source: str) -> str:
    changed = [f"{counts[kind]} {kind}" for kind in KINDS if counts[kind]]
    return f"behind {source}: {', '.join(changed)}" if changed else f"same packages as {source}"


def _end(ref: str) -> str:
    return "/".join(ref.split("/")[-2:])


def _short(checksum: str | None) -> str:
    return checksum[:12] if checksum else "nothing"


def _when(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def _table(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return rows with their columns aligned, two spaces apart."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


_RENDERERS: dict[str, Callable[[Result], list[str]]] = {
    "compose": _compose,
    "run-compose": _run_compose,
    "builds": _builds,
    "promote": _promote,
    "plan": _plan,
    "stage": _step,
    "sign": _step,
    "publish": _step,
    "status": _status,
    "log": _log,
    "diff": _diff,
    "config": _config,
}
