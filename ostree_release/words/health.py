"""Health reports in words."""

from __future__ import annotations

from ..health import HEALTHY, words
from .pieces import Result


def _report_health(result: Result) -> list[str]:
    lines = []
    for entry in result["recorded"]:
        said = entry["state"] if entry["state"] == HEALTHY else f"{entry['state']}: {words(entry)}"
        lines.append(f"{entry['client']}: {entry['version']} of {entry['environment']} is {said}")
    if result["elsewhere"]:
        lines.append(f"No build of this server: {', '.join(result['elsewhere'])}")
    return [
        *lines,
        f"Recorded {len(result['recorded'])} of {result['heard']} reports; the others say nothing new",
    ]


def unwell(where: str, reports: list[Result]) -> list[str]:
    """Say which clients of an environment are not healthy, with what they run."""
    return [
        f"UNHEALTHY {where}: {each['client']} with {each['version']}: {words(each)}"
        for each in reports
        if each["state"] != HEALTHY
    ]


RENDERERS = {"report-health": _report_health}
