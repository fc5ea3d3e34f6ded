"""Signing and keys in words."""

from __future__ import annotations

from collections.abc import Callable

from .pieces import Result, packages, short, when


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


RENDERERS: dict[str, Callable[[Result], list[str]]] = {"request": _request}
