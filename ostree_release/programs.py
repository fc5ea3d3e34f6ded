"""Starting programs of the server, and taking what they say."""

from __future__ import annotations

import subprocess
from typing import Any


def run(*command: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a program without input to its end; more: as subprocess.run takes it."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        **more,
    )
