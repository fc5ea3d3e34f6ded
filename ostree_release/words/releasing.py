"""Promotion, its steps, and keys in words."""

from __future__ import annotations

from ..model import following
from ..text import Result, command, next_step, packages, short, table, when
from .judging import planned


def _promote(result: Result) -> list[str]:
    release, environment = result["release"], result["environment"]
    lines = packages(result["packages"])
    lines += [f"{move['ref']}: {short(move['from'])} -> {short(move['to'])}" for move in result["moves"]]
    lines += [f"Repaired: {repair}" for repair in result["repaired"]]
    where = f"{environment}/{result['ring']} has {_named(release)}, build {result['build']['version']}"
    rings = ", ".join(f"{name} {version or 'nothing yet'}" for name, version in result["rings"].items())
    return [
        *lines,
        f"{_done(result)}: {where}, by {result['actor']}",
        f"{environment} has now: {rings}",
        f"Next: {_after(result['next'])}",
    ]


def _after(step: Result) -> str:
    """Return the commands after a promotion: the ring's clients, then the next ring where there is one."""
    clients = command({**following("upgrade", reboot="yes"), "limit": ["CLIENTS"]})
    return clients if step["task"] == "upgrade" else f"{clients}; when they are well: {command(step)}"


def _plan(result: Result) -> list[str]:
    release, build = result["release"], result["build"]
    where = f"{result['environment']}/{result['ring']}"
    lines, empty = [], result["expect"]["tip"] == "none"
    if result["outcome"] == "promote":
        lines = packages(result["packages"], limit=None) or ["  no package changes"]
        if empty:
            lines = ["  the ring is empty: there are no packages to compare with"]
    for move in result["moves"]:
        old = _named(move["from"]) if move["from"] else "nothing"
        lines.append(f"{move['ref']}: {old} -> {_named(move['to'])}")
    lines += [f"Would repair: {repair}" for repair in result["repairs"]]
    lines += planned(result)
    serial = f"as {release['version']}, serial {release['serial']}"
    outcome = {
        "promote": f"Would promote build {_named(build)} to {where} {serial}",
        "repair": f"Would repair {release['version']} in {where}",
        "unchanged": f"Nothing to do: {where} has {release['version']}",
    }
    return [*lines, outcome[result["outcome"]]]


def _named(commit: Result) -> str:
    """Return a version with the beginning of its checksum, once it has one."""
    return f"{commit['version']} ({short(commit['checksum'])})" if commit["checksum"] else commit["version"]


def _done(result: Result) -> str:
    return "Nothing to do" if result["outcome"] == "unchanged" else str(result["outcome"]).capitalize()


def _step(result: Result) -> list[str]:
    return [f"{_done(result)}: {result['environment']}: {_named(result['release'])}", *next_step(result)]


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
        f"Promoted: {where} has {_named(release)}",
        f"Next: {command(result['next'])}, or wait",
    ]


def _request(result: Result) -> list[str]:
    parent = result["parent"]
    signed = ", ".join(result["signatures"]) or "nobody yet"
    return [
        *packages(result["packages"], limit=None),
        f"version {result['version']}, serial {result['serial']}, of {when(result['timestamp'])}",
        f"commit {result['checksum']}",
        f"build {result['build']}",
        f"after {parent['version'] or short(parent['checksum'])}",
        *(f"may be offered as {ref}" for ref in result["bindings"]),
        f"signed by {signed}; wanted: {result['key']}",
        *next_step(result),
    ]


def _keys(result: Result) -> list[str]:
    rows = []
    for key in result["keys"]:
        where = {True: "on the server", False: "elsewhere", None: ""}[key["here"]]
        expires = f"expires {when(key['expires'])}" if key["expires"] else "does not expire"
        missing = f"has not signed {', '.join(key['unsigned'])}" if key["unsigned"] else ""
        rows.append((key["fingerprint"], "in use" if key["in_use"] else "trusted", where, expires, missing))
    return [*table(rows), f"{result['environment']} is signed with {result['in_use']}"]


def _changed_keys(result: Result) -> list[str]:
    trusted = ", ".join(result["keys"])
    return [
        *(f"Signed again: {version}" for version in result.get("signed", ())),
        f"{_done(result)}: {result['key']}; clients of {result['environment']} are to trust {trusted}",
        *next_step(result),
    ]


RENDERERS = {
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
