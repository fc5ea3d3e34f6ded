"""Approving: what the gates found is shown, and exactly that is let through."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from pyinfra import host
from pyinfra.api import FunctionCommand, Host, operation

from tasks.facts.entry_points import approver
from tasks.facts.release import worded
from tasks.releases.call import carried_out, look, say


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
    plan = look(
        host, "approve", "approver", "approve", str(version), "--plan", to=to, ring=ring, through=through
    )
    if plan is None:
        return
    say(host, "approve", plan)
    approve(
        name=f"Approve {version} for {to}",
        plan=plan,
        ring=ring,
        through=through,
        override=list(override),
        reason=reason,
    )


@operation()
def approve(
    plan: dict[str, Any],
    ring: str | None = None,
    through: str | None = None,
    override: list[str] | None = None,
    reason: str | None = None,
) -> Generator[FunctionCommand, None, None]:
    """Approve the findings of a plan, and nothing if the gates have found something else meanwhile.

    + plan: what `approve --plan` says
    + ring: ring that was asked for, or None for the first
    + through: last of the rings that were asked for, or None
    + override: gates whose failures are let through too
    + reason: why, for the journal
    """
    if not plan["findings"]:
        host.noop(worded("approve", plan)[-1])
        return
    command = approver(
        "approve",
        plan["release"]["version"],
        to=plan["environment"],
        ring=ring,
        through=through,
        override=",".join(override or ()) or None,
        expect=plan["digest"],
        reason=reason,
    )
    yield FunctionCommand(carried_out, (command.get_raw_value(), "approver", "approve"), {})
