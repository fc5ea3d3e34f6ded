"""Hosts that failed: one line where it happens, and every one of them again at the very end.

Unnecessary once pyinfra names them at its end, with why, and lets one fail without asking (not in 3.10.0).
"""

import atexit
import sys
from typing import Literal

from pyinfra import logger
from pyinfra.api import Host, State

_reasons: dict[str, str] = {}
_watched: list[State] = []


def failed(host: Host, reason: str) -> Literal[False]:
    """Say in one line why a host failed and remember it for the summary.

    + host: the host
    + reason: one line without the host's name

    Returns False, which is what a function command of pyinfra returns to fail cleanly.
    """
    _reasons[host.name] = reason
    host.log_styled(reason, fg="red", log_func=logger.error)
    return False


def drop(host: Host, reason: str) -> None:
    """Fail a host while its operations are prepared, and let the other hosts go on.

    pyinfra's own `State.fail_hosts` would ask on a terminal whether to continue, and stop everybody when this
    was the only host. What counts for the exit status is `State.failed_hosts`.

    + host: the host
    + reason: one line without the host's name
    """
    failed(host, reason)
    # The host itself: what was given may be pyinfra's proxy for the host at hand, which is nobody at the end.
    itself = host.state.inventory.get_host(host.name)
    host.state.failed_hosts.add(itself)
    host.state.active_hosts.discard(itself)


def summary(state: State) -> list[str]:
    """Name every failed host of a run with its reason, in the inventory's order."""
    lines = []
    for host in state.inventory:
        if host.name in _reasons:
            lines.append(f"{host.name}: {_reasons[host.name]}")
        elif host in state.failed_hosts:
            reached = host in state.activated_hosts
            lines.append(f"{host.name}: {'failed, see above' if reached else 'could not be reached'}")
    return lines


def watch(state: State) -> None:
    """Print the summary when the program ends, whatever ends it. Called once per host, it acts once."""
    if not _watched:
        _watched.append(state)
        atexit.register(_print_summary)


def _print_summary() -> None:
    lines = summary(_watched[0])
    if lines:
        print("\nFailed:", *lines, sep="\n    ", file=sys.stderr)
