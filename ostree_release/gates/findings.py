"""Findings of one kind, of which there may be thousands."""

from __future__ import annotations

from collections.abc import Iterable

from .model import Finding

_SHOWN = 20


def several(kind: str, answer: str, found: Iterable[tuple[str, str]]) -> list[Finding]:
    """Return a finding for each (value, line), the first ones only where there are too many to read.

    Only for answers that nobody can approve: an approval names every finding.
    """
    findings = [Finding(f"{kind}:{value}", answer, line) for value, line in found]
    more = len(findings) - _SHOWN
    if more > 0:
        findings[_SHOWN:] = [Finding(f"{kind}:and-more:{more}", answer, f"and {more} more like these")]
    return findings
