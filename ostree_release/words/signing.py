"""Signing and keys in words."""

from __future__ import annotations

from collections.abc import Callable

from .pieces import Result, packages, short, table, when


def _request(result: Result) -> list[str]:
    parent, environment = result["parent"], result["environment"]
    to = "" if environment == "prod" else f" --data to={environment}"
    signed = ", ".join(result["signatures"]) or "nobody yet"
    return [
        *packages(result["packages"]),
        f"version {result['version']}, serial {result['serial']}, of {when(result['timestamp'])}",
        f"checksum {result['checksum']}",
        f"build {result['build']}",
        f"after {parent['version'] or short(parent['checksum'])}",
        *(f"may be offered as {ref}" for ref in result["bindings"]),
        f"signed by {signed}; wanted: {result['key']}",
        f"Next: pyinfra INVENTORY promote.py -y{to} --data sign=laptop",
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
        f"Next: {result['next']}",
    ]


RENDERERS: dict[str, Callable[[Result], list[str]]] = {
    "request": _request,
    "keys": _keys,
    "keys introduce": _changed_keys,
    "keys use": _changed_keys,
    "keys withdraw": _changed_keys,
}
