"""Approving: what the gates found is shown, and exactly that is let through."""

from collections.abc import Sequence
from typing import Any

from pyinfra import host
from pyinfra.api import FunctionCommand, Host, operation

from tasks.facts.entry_points import approver
from tasks.facts.release import worded
from tasks.operations.remote_script import Commands
from tasks.releases.call import carried_out, look, say


def approve_here(
    host: Host, version: str, asked: dict[str, str | None], override: Sequence[str], reason: str | None
) -> None:
    """Show what the gates found, and add the operation that approves it.

    + host: a host of the run; only repository servers are concerned
    + version: version of the candidate or release
    + asked: options of `ostree-release approve --plan`: to, ring, through
    + override: gates whose failures are let through too
    + reason: why, for the journal
    """
    plan = look(host, "approve", "approver", "approve", version, "--plan", **asked)
    if plan is None:
        return
    say(host, "approve", plan)
    allowed = {**asked, "override": ",".join(override) or None}
    approve(name=f"Approve {version} for {asked['to']}", plan=plan, asked=allowed, reason=reason)


@operation()
def approve(plan: dict[str, Any], asked: dict[str, str | None], reason: str | None = None) -> Commands:
    """Approve the findings of a plan, and nothing if the gates have found something else meanwhile.

    + plan: what `approve --plan` says
    + asked: the options that it was asked with, and override: gates whose failures are let through too
    + reason: why, for the journal

    **Example:**

    .. code:: python

        approve(
            name="Approve 44.20260102.0", plan=plan, asked={"override": "soak"}, reason="tried by hand"
        )
    """
    if not plan["findings"]:
        host.noop(worded("approve", plan)[-1])
        return
    version = plan["release"]["version"]
    command = approver("approve", version, **asked, expect=plan["digest"], reason=reason)
    yield FunctionCommand(carried_out, (command.get_raw_value(), "approver", "approve"), {})
