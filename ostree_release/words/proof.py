"""The proof in words."""

from __future__ import annotations

from ..text import Result, short, when


def verify(result: Result) -> list[str]:
    """Return what stands for each release and ref, what is wrong, and the sum."""
    lines: list[str] = []
    for release in result["releases"]:
        lines += _release(release)
    lines += [f"Note: {note}" for note in result["notes"]]
    lines += [f"FINDING: {finding['where']}: {finding['line']}" for finding in result["findings"]]
    return [*lines, summed(len(result["releases"]), len(result["findings"]), result["unanchored"])]


def summed(releases: int, findings: int, unanchored: int) -> str:
    """Return the sum of a proof."""
    proven, found = _counted(releases, "release", "releases"), _counted(findings, "finding", "findings")
    return f"{proven} proven, {found}, {_counted(unanchored, 'entry', 'entries')} not yet anchored"


def last(kept: Result) -> list[str]:
    """Return what `status` says about the timer's last proof."""
    number = len(kept["findings"])
    if not number:
        return []
    first = kept["findings"][0]
    return [
        f"verify found {_counted(number, 'problem', 'problems')} ({when(kept['time'])}): "
        f"{first['where']}: {first['line']}",
        "Look: ostree-release verify",
    ]


def event(entry: Result) -> str:
    """Return what `log` says about an entry of the gates, of a client's health or of an anchor."""
    if entry.get("event") == "checked":
        wrong = [f"{each['gate']} {each['answer']}" for each in entry["results"] if each["answer"] != "pass"]
        return f"for {entry['ring']}: {', '.join(wrong) or 'pass'}"
    if entry.get("event") == "approved":
        overrides = "".join(f", overrides {gate}" for gate in entry["overrides"])
        return f"for {', '.join(entry['rings'])}{overrides}"
    if entry.get("event") == "key":
        return str(entry["key"])
    if entry.get("event") == "reported":
        return f"{entry['client']} {entry['state']}"
    if entry.get("event") == "anchored":
        return f"anchor {entry['number']}: {entry['lines']} lines"
    return ""


def _counted(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"


def _release(release: Result) -> list[str]:
    mark = "" if release["proven"] else "  NOT PROVEN"
    build, sources = release["build"], ", ".join(release["repositories"])
    composed = f", composed by {_by(build['composed'])}" if build["composed"] else ", compose unknown"
    treefiles = "".join(f", {name} {short(value)}" for name, value in sorted(build["treefiles"].items()))
    lines = [
        f"{release['environment']} {release['version']} ({short(release['checksum'])}), "
        f"serial {release['serial']}{mark}",
        f"  build {build['version'] or short(build['checksum'])}{composed}{treefiles}",
        f"  {release['packages']} packages from {sources or 'repositories that nothing names'}",
        *(f"  staged by {_by(said)}" for said in release["staged"]),
        *(f"  published by {_by(said)}" for said in release["published"]),
        f"  signed with {', '.join(release['signed_by']) or 'NO KEY THAT IS TRUSTED'}",
    ]
    for ring in release["rings"]:
        why = f": {ring['moved']['reason']}" if ring["moved"]["reason"] else ""
        lines.append(f"  {ring['ring']} by {_by(ring['moved'])}{why}; {_gates(ring)}")
    lines += [_approval(each) for each in release["approvals"]]
    return lines


def _gates(ring: Result) -> str:
    if ring["before_gates"]:
        return "before gates"
    if ring["checked"] is None:
        return "NOT CHECKED"
    answers = ", ".join(f"{gate} {answer}" for gate, answer in ring["gates"].items()) or "NO GATE WAS ON"
    return f"checked (line {ring['checked']}): {answers}"


def _approval(approval: Result) -> str:
    overrides = f", OVERRIDES {', '.join(approval['overrides'])}" if approval["overrides"] else ""
    rings = ", ".join(approval["rings"])
    return f"  approved for {rings} by {_by(approval)}: {approval['reason']}{overrides}"


def _by(said: Result) -> str:
    return f"{said['actor']} (line {said['line']}, {said['time']})"


RENDERERS = {"verify": verify}
