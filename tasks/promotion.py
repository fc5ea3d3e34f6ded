"""From a plan made on the server to the operation that carries it out."""

from __future__ import annotations

from pathlib import Path

from pyinfra.api import Host

from tasks.facts.release import PromotionPlan
from tasks.failures import drop
from tasks.image_servers import concerns
from tasks.operations import laptop_gate
from tasks.operations.promote import plan_lines, promote


def promote_here(
    host: Host, to: str, build: str | None, ring: str | None, reason: str | None, gate: str | None
) -> None:
    """Show what a promotion would do and, if it would do something, add the operation that does it.

    The plan is read once and handed to the operation, which makes the server compare: what was shown is what
    happens, or nothing does.

    Args:
        host: a host of the run; only repository servers are concerned.
        to: environment to promote to.
        build: version or checksum of a build; None for the newest.
        ring: name of the ring; None for the first.
        reason: why, for the journal.
        gate: path of a program that must pass on this machine first; None for none.
    """
    if not concerns(host):
        return
    plan = host.get_fact(PromotionPlan, to=to, build=build, ring=ring)
    if "error" in plan:
        drop(host, plan["error"])
        return
    for line in plan_lines(plan):
        host.log(line)
    if gate and plan["outcome"] == "promote":
        host.log(f"  gate {gate} runs first, on this machine")
        laptop_gate.passed(name=f"Gate {Path(gate).name}", program=gate, plan=plan)
    promote(name=f"Promote to {plan['environment']}/{plan['ring']}", plan=plan, build=build, reason=reason)
