"""What is where, and what was, in words."""

from __future__ import annotations

from ..health import HEALTHY, words
from ..text import Result, behind, end, next_step, packages, short, table, what
from . import judging, proof


def _status(result: Result) -> list[str]:
    rows = []
    notes = []
    for name, environment in result["environments"].items():
        if environment["composed"]:
            rows.append((name, *what(environment["build"]), ""))
            notes += _unwell(name, environment["reports"])
            continue
        for ring in environment["rings"]:
            changes = "" if ring["behind"] is None else behind(ring["behind"], environment["promotes_from"])
            rows.append((f"{name}/{ring['name']}", *what(ring["release"]), changes))
            notes += judging.overridden(f"{name}/{ring['name']}", ring["overrides"])
        notes += judging.waiting(name, environment["candidates"])
    notes += proof.last(result["verify"]) if result["verify"] else []
    notes += judging.held(result["holds"])
    notes += [f"WARNING: {line}" for line in result["warnings"]]
    return [*table(rows), *notes, *next_step(result)]


def _log(result: Result) -> list[str]:
    rows = []
    for entry in result["entries"]:
        moves = ", ".join(f"{end(m['ref'])} -> {short(m['to'])}" for m in entry.get("moves", ()))
        gate = f"gate {entry['laptop_gate']} passed on the laptop" if "laptop_gate" in entry else ""
        words = [entry.get("version", ""), moves, proof.event(entry), entry.get("reason", ""), gate]
        cells = (entry.get(key, "") for key in ("time", "actor", "environment", "action", "event"))
        rows.append((*cells, "  ".join(filter(None, words))))
    broken = ", ".join(map(str, result["broken"]))
    return [
        *table(rows),
        *([f"BROKEN: line {broken} does not follow from the line before"] if broken else []),
    ]


def _diff(result: Result) -> list[str]:
    ends = [
        f"{image['environment']} {image['version']} ({short(image['checksum'])})"
        for image in (result["from"], result["to"])
    ]
    return [*packages(result["packages"], limit=None), f"{ends[0]} -> {ends[1]}"]


def _config(result: Result) -> list[str]:
    rows, policies = [], []
    for name, environment in result["environments"].items():
        source = f"from {environment['promotes_from']}" if environment["promotes_from"] else "composed"
        rows.append((name, source, environment["ref"], environment["url"]))
        policies += [_policy(name, environment)] if environment["policy"] else []
    return [*table(rows), *policies, "The configuration is right"]


def _policy(name: str, environment: Result) -> str:
    """Return what lets something through in an environment, without the thresholds, in one line."""
    approval = environment["policy"]["approval"]
    gates = [gate for gate, thresholds in environment["policy"]["gates"].items() if thresholds is not False]
    another = " and are not by who composed" if approval["by_another"] else ""
    return "; ".join(
        [
            f"{name}: gates: {', '.join(gates) or 'none'}",
            f"approvals hold {approval['days']} days{another}",
            f"signing: {environment['signing']}",
            *([f"frozen for auto: {', '.join(environment['freeze'])}"] if environment["freeze"] else []),
        ]
    )


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


def _unwell(where: str, reports: list[Result]) -> list[str]:
    """Say which clients of an environment are not healthy, with what they run."""
    return [
        f"UNHEALTHY {where}: {each['client']} with {each['version']}: {words(each)}"
        for each in reports
        if each["state"] != HEALTHY
    ]


RENDERERS = {
    "status": _status,
    "log": _log,
    "diff": _diff,
    "config": _config,
    "report-health": _report_health,
}
