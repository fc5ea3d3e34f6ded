"""Approving: what the gates found is shown, and exactly that is let through."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from pyinfra import host
from pyinfra.api import FunctionCommand, Host, State, StringCommand, operation

from tasks.facts.entry_points import approver
from tasks.facts.refusals import server_reason
from tasks.facts.release import ApprovalPlan
from tasks.pyinfra_gaps.failures import drop, failed
from tasks.server.image_servers import concerns


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


@operation()
def approve(
    plan: dict[str, Any],
    ring: str | None = None,
    through: str | None = None,
    override: list[str] | None = None,
    reason: str | None = None,
) -> Generator[FunctionCommand, None, None]:
    """Approve the findings of a plan, and nothing if the gates have found something else meanwhile.

    + plan: answer of the fact ApprovalPlan
    + ring: ring that was asked for, or None for the first
    + through: last of the rings that were asked for, or None
    + override: gates whose failures are let through too
    + reason: why, for the journal
    """
    if not plan["findings"]:
        host.noop(finding_lines(plan)[-1])
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
    yield FunctionCommand(run_as_approver, (command.get_raw_value(),), {})


def run_as_approver(state: State, host: Host, command: str) -> bool:
    """Run a command of the approver's with all it says shown.

    Returns:
        False when it was refused or failed, with the reason said.
    """
    success, output = host.run_shell_command(StringCommand(command, "2>&1"), print_output=True)
    return success or failed(host, server_reason(output.stdout_lines, "approver"))


def finding_lines(plan: dict[str, Any]) -> list[str]:
    """Tell a person what the gates found and nobody has approved yet."""
    where = f"{plan['release']['version']} for {plan['environment']}/{', '.join(plan['rings'])}"
    lines = [f"  gate {each['gate']}: {each['answer']}: {each['line']}" for each in plan["findings"]]
    return [f"{where}:", *lines] if lines else [f"{where}: nothing needs approval"]
