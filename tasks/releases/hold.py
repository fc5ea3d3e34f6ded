"""Holding: what is held is shown, and something is held or released."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from pyinfra.api import FunctionCommand, Host, operation

from tasks.facts.entry_points import approver
from tasks.facts.release import Holds
from tasks.pyinfra_gaps.failures import drop
from tasks.releases.approve import run_as_approver
from tasks.server.image_servers import concerns


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


def hold_lines(found: dict[str, Any]) -> list[str]:
    """Tell a person what is held, by whom and why."""
    lines = [
        f"  {each['kind']} {each['label']}: {each['reason']} ({each['actor']}, {each['time'][:10]})"
        for each in found["holds"]
    ]
    return ["held:", *lines] if lines else ["nothing is held"]
