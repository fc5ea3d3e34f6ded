"""Approve what gates found, and hold things, as `ostree-release` on the server does it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from pyinfra import host
from pyinfra.api import FunctionCommand, Host, State, StringCommand, operation

from tasks.failures import failed
from tasks.refusals import server_reason
from tasks.release_commands import approver


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


@operation(
    is_idempotent=False,
    idempotent_notice="The server does nothing where something is held already, and says so.",
)
def hold(
    kind: str, value: str, release: bool = False, reason: str | None = None
) -> Generator[FunctionCommand, None, None]:
    """Hold a build, a content, inputs or a package, or release it.

    + kind: build, content, inputhash or package
    + value: which one
    + release: end the hold
    + reason: why, for the journal
    """
    operands = [value] if kind == "build" else []
    options = {} if kind == "build" else {kind: value}
    command = approver("hold", *operands, **options, reason=reason)
    words = [command.get_raw_value(), *(["--release"] if release else [])]
    yield FunctionCommand(run_as_approver, (" ".join(words),), {})


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


def hold_lines(found: dict[str, Any]) -> list[str]:
    """Tell a person what is held, by whom and why."""
    lines = [
        f"  {each['kind']} {each['label']}: {each['reason']} ({each['actor']}, {each['time'][:10]})"
        for each in found["holds"]
    ]
    return ["held:", *lines] if lines else ["nothing is held"]
