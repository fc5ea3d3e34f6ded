"""From a plan made on the server to the operation that carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pyinfra.api import Host

from tasks.facts.release import PromotionPlan
from tasks.failures import drop
from tasks.image_servers import concerns
from tasks.operations import laptop_gate
from tasks.operations.promote import plan_lines, promote


@dataclass(frozen=True)
class Wanted:
    """What was asked for.

    to: environment; build: version or checksum, None for the newest; ring: None for the first; through: the
    last ring that gets the release in this run, None for one ring; reason: why, for the journal; gate: path
    of a program that must pass on this machine first, None for none.
    """

    to: str
    build: str | None = None
    ring: str | None = None
    through: str | None = None
    reason: str | None = None
    gate: str | None = None


def promote_here(host: Host, wanted: Wanted) -> None:
    """Show what a promotion would do and, if it would do something, add the operation that does it.

    The plan is read once and handed to the operation, which makes the server compare: what was shown is what
    happens, or nothing does.

    Args:
        host: a host of the run; only repository servers are concerned.
        wanted: what was asked for.
    """
    if not concerns(host):
        return
    plan = host.get_fact(
        PromotionPlan,
        to=wanted.to,
        build=wanted.build,
        ring=wanted.ring,
        through=wanted.through,
        reason=wanted.reason,
    )
    gate = Path(wanted.gate).name if wanted.gate else None
    if "error" in plan:
        drop(host, plan["error"])
        return
    for line in plan_lines(plan):
        host.log(line)
    if wanted.gate and plan["outcome"] == "promote":
        host.log(f"  gate {wanted.gate} runs first, on this machine")
        laptop_gate.passed(name=f"Gate {gate}", program=wanted.gate, plan=plan)
    promote(
        name=f"Promote to {plan['environment']}/{plan['ring']}",
        plan=plan,
        build=wanted.build,
        through=wanted.through,
        reason=wanted.reason,
        gate=gate,
    )
