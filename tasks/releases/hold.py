"""Holding: what is held is shown, and something is held or released."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api import FunctionCommand, Host, operation

from tasks.facts.entry_points import approver
from tasks.releases.call import carried_out, look, say


def hold_here(host: Host, what: tuple[str, str] | None, release: bool, reason: str | None) -> None:
    """Show what is held, and add the operation that holds or releases something if that is asked for.

    Args:
        host: a host of the run; only repository servers are concerned.
        what: the kind and the value of what is meant, or None to look only.
        release: whether a hold ends.
        reason: why, for the journal.
    """
    found = look(host, "hold", "approver", "hold")
    if found is None:
        return
    say(host, "hold", found)
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
    words = [*([value] if kind == "build" else []), *(["--release"] if release else [])]
    options = {} if kind == "build" else {kind: value}
    command = approver("hold", *words, **options, reason=reason)
    yield FunctionCommand(carried_out, (command.get_raw_value(), "approver", "hold"), {})
