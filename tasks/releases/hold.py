"""Holding: what is held is shown, and something is held or released."""

from pyinfra.api import Host
from pyinfra.operations import python

from tasks.facts.entry_points import approver
from tasks.releases.call import carried_out, look, say


def hold_here(host: Host, what: tuple[str, str] | None, release: bool, reason: str | None) -> None:
    """Show what is held, and add the operation that holds or releases something if that is asked for.

    + host: a host of the run; only repository servers are concerned
    + what: the kind and the value of what is meant, or None to look only
    + release: whether a hold ends
    + reason: why, for the journal
    """
    found = look(host, "hold", "approver", "hold")
    if found is None:
        return
    say(host, "hold", found)
    if what:
        kind, value = what
        verb = "Release" if release else "Hold"
        words = [*([value] if kind == "build" else []), *(["--release"] if release else [])]
        options = {} if kind == "build" else {kind: value}
        command = approver("hold", *words, **options, reason=reason).get_raw_value()
        title = f"{verb} {kind} {value}"
        python.call(name=title, function=carried_out, command=command, role="approver", kind="hold")
