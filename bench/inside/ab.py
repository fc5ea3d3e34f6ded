"""Apache's `ab`, which makes the load: its command line, and what it prints."""

from __future__ import annotations

import re
from collections.abc import Mapping

_READ = {
    "requests a second": r"Requests per second: +([\d.]+)",
    "failed": r"Failed requests: +(\d+)",
    "not 2xx": r"Non-2xx responses: +(\d+)",
    "ms of the slowest in a hundred": r"^ +99% +(\d+)",
}


def command(url: str, clients: int, seconds: int) -> tuple[str, ...]:
    """Return what keeps so many connections busy; -t means -n 50000 unless that follows."""
    return ("ab", "-q", "-k", "-r", "-c", str(clients), "-t", str(seconds), "-n", "100000000", url)


def read(printed: str) -> Mapping[str, float]:
    """Return what it counted; it says nothing of what there was none of."""
    found = {name: re.search(pattern, printed, re.MULTILINE) for name, pattern in _READ.items()}
    return {name: float(match[1]) if match else 0.0 for name, match in found.items()}
