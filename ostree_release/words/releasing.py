"""Promotion, its steps, and keys in words."""

from __future__ import annotations

from collections.abc import Callable

from ..text import Result, command, packages, short, table, when
from .judging import planned


def _promote(result: Result) -> list[str]:
    release, build, ring = result["release"], result["build"], result["ring"]
    environment = result["environment"]
    lines = packages(result["packages"])
    lines += [f"{move['ref']}: {short(move['from'])} -> {short(move['to'])}" for move in result["moves"]]
    lines += [f"Repaired: {repair}" for repair in result["repaired"]]
    name = f"{release['version']} ({short(release['checksum'])})"
    where = f"{environment}/{ring} has {name}, build {build['version']}"
    outcome = {"promoted": "Promoted", "repaired": "Repaired", "unchanged": "Nothing to do"}[
        result["outcome"]
    ]
    return [*lines, f"{outcome}: {where}, by {result['actor']}", f"Next: {command(result['next'])}"]


def _plan(result: Result) -> list[str]:
    release = result["release"]
    lines = packages(result["packages"])
    for move in result["moves"]:
        old = move["from"]["version"] if move["from"] else "nothing"
        lines.append(f"{move['ref']}: {old} -> {move['to']['version']}")
    lines += [f"Would repair: {repair}" for repair in result["repairs"]]
    lines += planned(result)
    where = f"{result['environment']}/{result['ring']}"
    outcome = {
        "promote": f"Would promote build {result['build']['version']} to {where} as {release['version']}",
        "repair": f"Would repair {release['version']} in {where}",
        "unchanged": f"Nothing to do: {where} has {release['version']}",
    }
    return [*lines, outcome[result["outcome"]]]


def _step(result: Result) -> list[str]:
    release = result["release"]
    outcome = {"unchanged": "Nothing to do"}.get(result["outcome"], result["outcome"].capitalize())
    where = f"{result['environment']}: {release['version']} ({short(release['checksum'])})"
    return [f"{outcome}: {where}", f"Next: {command(result['next'])}"]


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
        f"Promoted: {where} has {release['version']} ({short(release['checksum'])})",
        f"Next: {command(result['next'])}, or wait",
    ]


def _request(result: Result) -> list[str]:
    parent = result["parent"]
    signed = ", ".join(result["signatures"]) or "nobody yet"
    return [
        *packages(result["packages"]),
        f"version {result['version']}, serial {result['serial']}, of {when(result['timestamp'])}",
        f"checksum {result['checksum']}",
        f"build {result['build']}",
        f"after {parent['version'] or short(parent['checksum'])}",
        *(f"may be offered as {ref}" for ref in result["bindings"]),
        f"signed by {signed}; wanted: {result['key']}",
        f"Next: {command(result['next'])}",
    ]


def _keys(result: Result) -> list[str]:
    rows = []
    for key in result["keys"]:
        where = {True: "here", False: "elsewhere", None: ""}[key["here"]]
        expires = f"expires {when(key['expires'])}" if key["expires"] else "does not expire"
        missing = f"has not signed {', '.join(key['unsigned'])}" if key["unsigned"] else ""
        rows.append((key["fingerprint"], "in use" if key["in_use"] else "trusted", where, expires, missing))
    return [*table(rows), f"{result['environment']} is signed with {result['in_use']}"]


def _changed_keys(result: Result) -> list[str]:
    outcome = {"unchanged": "Nothing to do"}.get(result["outcome"], result["outcome"].capitalize())
    trusted = ", ".join(result["keys"])
    return [
        *(f"Signed again: {version}" for version in result.get("signed", ())),
        f"{outcome}: {result['key']}; clients of {result['environment']} are to trust {trusted}",
        f"Next: {command(result['next'])}",
    ]


RENDERERS: dict[str, Callable[[Result], list[str]]] = {
    "promote": _promote,
    "plan": _plan,
    "auto": _auto,
    "stage": _step,
    "sign": _step,
    "publish": _step,
    "request": _request,
    "keys": _keys,
    "keys introduce": _changed_keys,
    "keys use": _changed_keys,
    "keys withdraw": _changed_keys,
}
