"""Results in words: what a person reads where a program reads JSON."""

from __future__ import annotations

from collections.abc import Callable

from ..disk import in_words
from . import auto, changelog, health, judging, proof, signing
from .pieces import Result, behind, end, packages, short, table, what, when


def render(subcommand: str, result: Result) -> list[str]:
    """Return the lines that say a subcommand's result."""
    return _RENDERERS[subcommand](result)


def _compose(result: Result) -> list[str]:
    disk = result["disk"]
    room = f"Repository: {in_words(disk['repository_bytes'])}, free: {in_words(disk['free_bytes'])}"
    return [*packages(result["packages"]), room, _built(result), "Next: pyinfra INVENTORY promote.py"]


def _run_compose(result: Result) -> list[str]:
    """Return one line for the journal; whoever follows it gets the rest from `compose`."""
    return [_built(result)]


def _run_gate(result: Result) -> list[str]:
    """Return one line for the journal; the check that asked has the gate's own words."""
    return [f"Gate {result['gate']}: {result.get('problem') or 'exit status ' + str(result['status'])}"]


def _built(result: Result) -> str:
    outcome = "Built" if result["outcome"] == "built" else "No changes; the newest build is"
    name = f"{result['version']} ({result['checksum'][:12]})"
    return f"{outcome} {name} of {result['environment']}, for {result['actor']}"


def _builds(result: Result) -> list[str]:
    if not result["builds"]:
        return [f"{result['environment']} has no build yet", "Next: pyinfra INVENTORY tasks/compose.py"]
    rows = [
        (b["version"], b["checksum"][:12], when(b["timestamp"]), "signed" if b["signed"] else "NOT SIGNED")
        for b in result["builds"]
    ]
    return [*table(rows), f"Next: ostree-release diff {rows[-1][0]} {rows[0][0]}"]


def _promote(result: Result) -> list[str]:
    release, build, ring = result["release"], result["build"], result["ring"]
    environment = result["environment"]
    lines = packages(result["packages"])
    lines += [f"{move['ref']}: {short(move['from'])} -> {short(move['to'])}" for move in result["moves"]]
    lines += [f"Repaired: {repair}" for repair in result["repaired"]]
    name = f"{release['version']} ({release['checksum'][:12]})"
    where = f"{environment}/{ring} has {name}, build {build['version']}"
    outcome = {"promoted": "Promoted", "repaired": "Repaired", "unchanged": "Nothing to do"}[
        result["outcome"]
    ]
    return [*lines, f"{outcome}: {where}, by {result['actor']}", f"Next: {result['next']}"]


def _plan(result: Result) -> list[str]:
    release = result["release"]
    lines = packages(result["packages"])
    for move in result["moves"]:
        old = move["from"]["version"] if move["from"] else "nothing"
        lines.append(f"{move['ref']}: {old} -> {move['to']['version']}")
    lines += [f"Would repair: {repair}" for repair in result["repairs"]]
    lines += judging.planned(result)
    where = f"{result['environment']}/{result['ring']}"
    outcome = {
        "promote": f"Would promote build {result['build']['version']} to {where} as {release['version']}",
        "repair": f"Would repair {release['version']} in {where}",
        "unchanged": f"Nothing to do: {where} has {release['version']}",
    }
    return [*lines, outcome[result["outcome"]]]


def _step(result: Result) -> list[str]:
    release = result["release"]
    outcome = {"unchanged": "Nothing to do"}.get(result["outcome"], result["outcome"].capitalize())
    where = f"{result['environment']}: {release['version']} ({release['checksum'][:12]})"
    return [f"{outcome}: {where}", f"Next: {result['next']}"]


def _status(result: Result) -> list[str]:
    rows = []
    notes = []
    following = "pyinfra INVENTORY tasks/compose.py"
    for name, environment in result["environments"].items():
        if environment["composed"]:
            rows.append((name, *what(environment["build"]), ""))
            notes += health.unwell(name, environment["reports"])
            if environment["build"]:
                following = "pyinfra INVENTORY promote.py"
            continue
        for ring in environment["rings"]:
            changes = "" if ring["behind"] is None else behind(ring["behind"], environment["promotes_from"])
            rows.append((f"{name}/{ring['name']}", *what(ring["release"]), changes))
            notes += judging.overridden(f"{name}/{ring['name']}", ring["overrides"])
        notes += judging.waiting(name, environment["candidates"])
    notes += proof.last(result["verify"]) if result["verify"] else []
    notes += judging.held(result["holds"])
    notes += [f"WARNING: {line}" for line in result["warnings"]]
    return [*table(rows), *notes, f"Next: {following}"]


def _log(result: Result) -> list[str]:
    rows = []
    for entry in result["entries"]:
        moves = ", ".join(f"{end(m['ref'])} -> {short(m['to'])}" for m in entry.get("moves", ()))
        gate = f"gate {entry['laptop_gate']} passed on the laptop" if "laptop_gate" in entry else ""
        words = [entry.get("version", ""), moves, proof.event(entry), entry.get("reason", ""), gate]
        rows.append(
            (
                entry.get("time", ""),
                entry.get("actor", ""),
                entry.get("environment", ""),
                entry.get("action", ""),
                entry.get("event", ""),
                "  ".join(filter(None, words)),
            )
        )
    broken = ", ".join(map(str, result["broken"]))
    return [
        *table(rows),
        *([f"BROKEN: line {broken} does not follow from the line before"] if broken else []),
    ]


def _diff(result: Result) -> list[str]:
    ends = [
        f"{image['environment']} {image['version']} ({image['checksum'][:12]})"
        for image in (result["from"], result["to"])
    ]
    return [*packages(result["packages"], limit=None), f"{ends[0]} -> {ends[1]}"]


def _config(result: Result) -> list[str]:
    rows = []
    for name, environment in result["environments"].items():
        source = environment["promotes_from"]
        rows.append(
            (name, f"from {source}" if source else "composed", environment["ref"], environment["url"])
        )
    policies = [
        _policy(name, environment)
        for name, environment in result["environments"].items()
        if environment["policy"]
    ]
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


_RENDERERS: dict[str, Callable[[Result], list[str]]] = {
    "compose": _compose,
    "run-compose": _run_compose,
    "run-gate": _run_gate,
    "builds": _builds,
    "promote": _promote,
    "plan": _plan,
    "stage": _step,
    "sign": _step,
    "publish": _step,
    "status": _status,
    "log": _log,
    "diff": _diff,
    "config": _config,
    **auto.RENDERERS,
    **changelog.RENDERERS,
    **health.RENDERERS,
    **judging.RENDERERS,
    **signing.RENDERERS,
    **proof.RENDERERS,
}
