"""Gates, approvals and holds in words."""

from __future__ import annotations

from ..text import Result, command, next_step, short, table


def _check(result: Result) -> list[str]:
    release = result["release"]
    lines = []
    for ring, gates in result["rings"].items():
        lines.append(f"{release['version']} for {result['environment']}/{ring}:")
        lines += [f"  {row}" for row in table([(g["answer"], g["gate"], g["line"]) for g in gates])]
        for gate in gates:
            lines += [f"    {f['answer']}: {f['line']}" for f in gate["findings"]]
    lines += held(result["held"])
    if result["outcome"] == "admitted":
        return [*lines, f"Let through: {release['version']}", *next_step(result)]
    lines.append(f"Not let through: {release['version']} ({short(release['checksum'])})")
    return [*lines, f"Next: {command(result['approve'])}"] if result["approve"] else lines


def _approve(result: Result) -> list[str]:
    release = result["release"]
    place = f"{result['environment']}/{', '.join(result['rings'])}"
    where = f"{release['version']} ({short(release['checksum'])}) for {place}"
    found = [f"gate {f['gate']}: {f['answer']}: {f['line']}" for f in result["findings"]]

    if result["outcome"] == "listed" and found:
        return [*found, f"{where}: {len(found)} to approve, digest {result['digest']}"]
    lines = [f"Nothing to approve: {where}"]
    if result["outcome"] == "listed":
        return lines
    if result["outcome"] == "approved":
        lines = [
            *(f"  {line}" for line in result["approved"]),
            f"Approved: {where}, by {result['actor']}, for {result['days']} days",
        ]
    if result["still_failing"]:
        return [*lines, *(f"Still not let through: {line}" for line in result["still_failing"])]
    return [*lines, *next_step(result)]


def _hold(result: Result) -> list[str]:
    lines = held(result["holds"])
    if result["outcome"] in ("held", "released"):
        return [*lines, f"{result['outcome'].capitalize()}: {result['what']}", *next_step(result)]
    if result["outcome"] == "unchanged":
        return [*lines, f"Nothing to do: {result['what']} is held already"]
    return lines or ["Nothing is held"]


def planned(plan: Result) -> list[str]:
    """Say what would keep a promotion from going on, as far as it is known."""
    lines = held(plan["held"])
    for ring, known in plan["gates"].items():
        if known:
            lines += [f"{plan['environment']}/{ring}: {line}" for line in known["open"]]
            lines += [f"To let it through: {command(known['approve'])}"] if known["approve"] else []
    return lines


def overridden(where: str, overrides: list[Result]) -> list[str]:
    """Say which gates were overridden for what a ring has."""
    return [
        f"OVERRIDE {where}: {', '.join(each['gates'])}: {each['reason']} ({each['actor']})"
        for each in overrides
    ]


def waiting(where: str, candidates: list[Result]) -> list[str]:
    """Say what is staged and not published, and why."""
    lines = []
    for candidate in candidates:
        why = candidate["open"]
        words = "not checked yet" if why is None else "; ".join(why) or "let through"
        lines.append(f"Candidate {where}: {candidate['version']} ({short(candidate['checksum'])}): {words}")
    return lines


def held(holds: list[Result]) -> list[str]:
    """Say what is held, by whom and why."""
    return [f"HELD {h['kind']} {h['label']}: {h['reason']} ({h['actor']}, {h['time'][:10]})" for h in holds]


def _run_gate(result: Result) -> list[str]:
    """Return one line for the journal; the check that asked has the gate's own words."""
    return [f"Gate {result['gate']}: {result.get('problem') or 'exit status ' + str(result['status'])}"]


RENDERERS = {
    "check": _check,
    "approve": _approve,
    "hold": _hold,
    "run-gate": _run_gate,
}
