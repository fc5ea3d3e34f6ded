"""What a command made by `tasks.facts.command_output.asked` prints, for hosts that are not there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


def said(*lines: str, errors: Sequence[str] = (), status: int = 0) -> list[str]:
    """Return the lines of one command: its output, its errors, its exit status."""
    return ["", "=== output", *lines, "", "=== errors", *(errors or [""]), f"=== exit {status}"]


def answered(document: dict[str, Any]) -> list[str]:
    """Return the lines of `ostree-release` with its JSON document."""
    return said(json.dumps(document), status=1 if "error" in document else 0)


def followed(document: dict[str, Any], *progress: str) -> dict[str, Any]:
    """Return what a command of `facts.command_output.followed` prints, for pyinfra's @fake connector."""
    status = 1 if "error" in document else 0
    ending = [f"=== answer {json.dumps(document)}", f"=== answer ended {status}"]
    return {"stdout": [*progress], "stderr": ending}
