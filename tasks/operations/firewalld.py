"""Ports in firewalld, now and permanently, and the earlier ones closed again."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api import StringCommand, operation
from pyinfra.context import host

from tasks.facts.firewalld import Firewalld, FirewalldState
from tasks.operations.messages import tell
from tasks.operations.remote_script import quoted, script


@operation()
def ports(opened: list[str], memory: str) -> Generator[StringCommand, None, None]:
    """
    Open ports in the default zone, and close those that an earlier run has opened and nobody needs now.

    + opened: ports with their protocol, such as "8443/tcp"
    + memory: root's file on the server that names the ports opened by this operation, so that a port opened
      by the administrator is never closed
    """
    state = host.get_fact(Firewalld, memory=memory)
    if not state.running:
        what = "is not running" if state.installed else "is not installed"
        tell(f"firewalld {what}: no port was opened. Clients need {', '.join(opened)}.")
        host.noop(f"firewalld {what}")
        return
    lines = list(_changes(opened, state, memory))
    if not lines:
        host.noop(f"{', '.join(opened)}: open in firewalld")
        return
    yield script("\n".join(["set -e; umask 022", *lines]))


def _changes(opened: list[str], state: FirewalldState, memory: str) -> Generator[str, None, None]:
    # Ports that were open before us stay the administrator's: they are not remembered, and so never closed.
    ours = [
        port
        for port in opened
        if port in state.remembered or port not in state.now or port not in state.permanent
    ]
    obsolete = [port for port in state.remembered if port not in opened]
    # Remembered first: cut off after this line, the next run still knows what is to be closed.
    if sorted({*ours, *obsolete}) != state.remembered:
        yield _remember(sorted({*ours, *obsolete}), memory)
    for scope, there in (("", state.now), ("--permanent ", state.permanent)):
        for port in opened:
            if port not in there:
                yield f"firewall-cmd -q {scope}{quoted('--add-port=' + port)}"
        for port in obsolete:
            if port in there:
                yield f"firewall-cmd -q {scope}{quoted('--remove-port=' + port)}"
    if obsolete:
        yield _remember(ours, memory)


def _remember(ports: list[str], memory: str) -> str:
    return f"printf '%s\\n' {quoted(*ports)} >{quoted(memory)}" if ports else f": >{quoted(memory)}"
