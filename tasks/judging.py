"""Approving and holding: what the server knows is shown first, then an operation changes exactly that."""

from __future__ import annotations

from collections.abc import Sequence

from pyinfra.api import Host

from tasks.facts.release import ApprovalPlan, Holds
from tasks.failures import drop
from tasks.image_servers import concerns
from tasks.operations.judge import approve, finding_lines, hold, hold_lines


def approve_here(
    host: Host,
    to: str,
    version: str | None,
    ring: str | None,
    through: str | None,
    override: Sequence[str],
    reason: str | None,
) -> None:
    """Show what the gates found, and add the operation that approves it.

    Args:
        host: a host of the run; only repository servers are concerned.
        to: promoting environment.
        version: version of the candidate or release.
        ring: ring that it is to go to; None for the first.
        through: last of the rings that it is to go to, or None.
        override: gates whose failures are let through too.
        reason: why, for the journal.
    """
    if not concerns(host):
        return
    plan = host.get_fact(ApprovalPlan, version=version, to=to, ring=ring, through=through)
    if "error" in plan:
        drop(host, plan["error"])
        return
    for line in finding_lines(plan):
        host.log(line)
    approve(
        name=f"Approve {version} for {to}",
        plan=plan,
        ring=ring,
        through=through,
        override=list(override),
        reason=reason,
    )


def hold_here(host: Host, what: tuple[str, str] | None, release: bool, reason: str | None) -> None:
    """Show what is held, and add the operation that holds or releases something if that is asked for.

    Args:
        host: a host of the run; only repository servers are concerned.
        what: the kind and the value of what is meant, or None to look only.
        release: whether a hold ends.
        reason: why, for the journal.
    """
    if not concerns(host):
        return
    found = host.get_fact(Holds)
    if "error" in found:
        drop(host, found["error"])
        return
    for line in hold_lines(found):
        host.log(line)
    if what:
        kind, value = what
        verb = "Release" if release else "Hold"
        hold(name=f"{verb} {kind} {value}", kind=kind, value=value, release=release, reason=reason)
