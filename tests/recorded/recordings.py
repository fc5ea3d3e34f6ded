"""What a real rpm-ostree 2025.1 printed. NAME.txt: the command, its output, its errors, its exit status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

CLIENT = Path(__file__).parent / "client"


class Recording(NamedTuple):
    """One recorded run of a command."""

    stdout: list[str]
    stderr: list[str]
    code: int


def recorded(name: str) -> Recording:
    """Read tests/recorded/client/NAME.txt."""
    _, _, rest = (CLIENT / f"{name}.txt").read_text().partition("--- stdout\n")
    stdout, _, rest = rest.partition("--- stderr\n")
    stderr, _, code = rest.partition("--- rc=")
    return Recording(stdout.splitlines(), stderr.splitlines(), int(code))


def recorded_status(name: str) -> dict[str, Any]:
    """Read tests/recorded/client/status-NAME-json.json."""
    status: dict[str, Any] = json.loads((CLIENT / f"status-{name}-json.json").read_text())
    return status
