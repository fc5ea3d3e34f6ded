"""The gate `advisories`: which security advisories a candidate fixes, and which it lacks with a fix there.

It knows what the package repositories said when the build was composed, and asks no network.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..answers import WARN, Finding, Outcome
from ..composing import kept_with_builds
from ..composing.kept_with_builds import Kept
from ..errors import Refused
from ..images.advisories import IMPORTANT, UNKNOWN, Advisory, Gap, fixed, lacking
from ..text import some
from .subject import Subject

GATE = "advisories"
# What a line names; the data has all.
_CVES = 3
_SHOWN = 3  # advisories, and package repositories


def judge(subject: Subject) -> Outcome:
    """Return what the candidate lacks, and what it fixes of what the ring has now.

    Options: an answer for each severity (critical, important, moderate, low); one that is not known counts
    as important. And one for what cannot be told (unreadable): an image that lacks a fix would pass unseen.
    """
    unreadable: str = subject.options["unreadable"]
    installed = subject.repository.packages(subject.candidate.checksum)
    if installed is None:
        words = "the candidate's commit lists no packages to compare with"
        return _unknown("advisory:no-packages", unreadable, words)
    try:
        kept = kept_with_builds.advisories(subject.context.config, subject.seen.source, subject.build)
    except Refused as refusal:
        return _unknown("advisory:no-metadata", unreadable, str(refusal))
    if kept is None:
        return _unknown("advisory:no-metadata", unreadable, "no advisory metadata was kept for this build")
    if not kept.sources:
        words = "nothing says from which package repositories this build was composed"
        return _unknown("advisory:no-metadata", unreadable, words)
    gaps = lacking(kept.advisories, installed)
    tip = subject.tip and subject.repository.packages(subject.tip.checksum)
    fixes = fixed(kept.advisories, tip, installed) if tip else []
    silent = _silent(kept, unreadable)
    findings = (*(_lacks(gap, subject.options) for gap in gaps), *silent)
    data = {
        "fixes": [advisory.summary() for advisory in fixes],
        "lacks": [
            {
                **gap.advisory.summary(),
                "package": gap.fixed.name,
                "installed": gap.installed.evr,
                "fixed": gap.fixed.evr,
            }
            for gap in gaps
        ],
        "repositories": {source.id: source.problem for source in kept.sources},
    }
    lines = [f"{_fixes(fixes)}, {_lack(gaps)}"]
    if silent:
        lines.append(some([finding.line for finding in silent], _SHOWN, between="; "))
    return Outcome(GATE, findings, "; ".join(lines), data)


def described(advisory: Advisory) -> str:
    """Return an advisory as a line names it: identifier, severity and some of its CVEs."""
    severity = "severity unknown" if advisory.severity == UNKNOWN else advisory.severity
    return f"{advisory.id} ({', '.join(filter(None, (severity, some(advisory.cves, _CVES))))})"


def _lacks(gap: Gap, options: Mapping[str, str]) -> Finding:
    severity = gap.advisory.severity
    return Finding(
        f"advisory:{gap.advisory.id}:{gap.fixed.name}",
        options[IMPORTANT if severity == UNKNOWN else severity],
        f"lacks {described(gap.advisory)}: {gap.fixed.name} {gap.installed.evr} -> {gap.fixed.evr}",
    )


def _silent(kept: Kept, unreadable: str) -> list[Finding]:
    """Name the package repositories that say nothing: a warning for one that has no advisories.

    One of several may well have none: Fedora's has none, those are in its updates.
    """
    silent = [source for source in kept.sources if source.problem]
    if len(silent) < len(kept.sources):
        silent = [source for source in silent if source.problem != kept_with_builds.NO_UPDATEINFO]
    return [
        Finding(
            f"advisory:repository:{source.id}",
            WARN if source.problem == kept_with_builds.NO_UPDATEINFO else unreadable,
            f"no advisories of {source.id}: {source.problem}",
        )
        for source in silent
    ]


def _fixes(fixes: list[Advisory]) -> str:
    return f"fixes {some([*map(described, fixes)], _SHOWN)}" if fixes else "fixes no known advisory"


def _lack(gaps: list[Gap]) -> str:
    lacks = {gap.advisory.id: gap.advisory for gap in gaps}
    return f"lacks {some([*map(described, lacks.values())], _SHOWN)}" if lacks else "lacks none that is known"


def _unknown(identifier: str, answer: str, line: str) -> Outcome:
    return Outcome(GATE, (Finding(identifier, answer, line),), line, {})
