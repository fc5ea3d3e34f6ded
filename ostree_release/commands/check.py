"""`check`: run the gates on a candidate or release, and record what they say."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..command_line import place, rings
from ..config import Ring
from ..context import Context
from ..environments.snapshot import Snapshot
from ..model import Commit
from ..text import Result


def arguments(parser: ArgumentParser) -> None:
    """Add what it takes."""
    parser.add_argument("version", metavar="VERSION", nargs="?", help="default: the candidate")
    place(parser)


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result; exit status 1 if it is not let through."""
    environment, _ = context.config.promoting(options.to)
    chosen = rings(options, environment)
    from ..environments.snapshot import again, look
    from ..judging import admission, check, holds, records

    with check.checking(context, environment):
        seen = look(context, environment)
        release = _due(context, seen, options.version, chosen[0])
        runs = [check.judge(context, seen, release, ring, afresh=True) for ring in chosen]
        seen = again(context, seen)
        decisions = {ring.name: admission.decided(context, seen, release, ring) for ring in chosen}
        held = holds.holding(holds.holds(seen.entries), seen.repository, release)
    open_ = {name: [each.line for each in found.open] for name, found in decisions.items()}
    failed = dict.fromkeys(gate for found in decisions.values() for gate in found.failed)
    admitted = not any(open_.values()) and not held
    approve = admission.approve_step(environment, release.version, [ring.name for ring in chosen], failed)
    return "check", {
        "outcome": "admitted" if admitted else "not admitted",
        "environment": environment.name,
        "release": release.as_json(),
        "rings": {run.ring: records.as_json(run) for run in runs},
        "open": open_,
        "held": [each.as_json() for each in held],
        "approve": None if admitted or held else approve,
        "next": admission.promote_step(environment, chosen),
        "exit": 0 if admitted else 1,
    }


def _due(context: Context, seen: Snapshot, typed: str | None, ring: Ring) -> Commit:
    """Return the candidate or release that was named; without a name, what would go to the ring next."""
    from ..environments import find

    environment = seen.environment
    if typed is None and ring != environment.rings[0]:
        before = seen.tips.get(environment.rings[environment.rings.index(ring) - 1].ref)
        if before:
            return before
    return find.candidate(context.config, seen, typed)
