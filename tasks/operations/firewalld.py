"""Ports in firewalld, now and permanently, and the earlier ones closed again."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from socket import getservbyname

from pyinfra.api import operation
from pyinfra.context import host

from tasks.facts.firewalld import Firewalld, FirewalldState, Served
from tasks.facts.together import known
from tasks.operations.remote_script import Commands, quoted, remember, together
from tasks.pyinfra_gaps.messages import tell


@operation()
def ports(opened: list[str], memory: str) -> Commands:
    """
    Open ports in the default zone, and close those that an earlier run has opened and nobody needs now.

    + opened: ports with their protocol, such as "8443/tcp"
    + memory: root's file on the server that names the ports opened by this operation, so that a port opened
      by the administrator is never closed

    **Example:**

    .. code:: python

        firewalld.ports(
            name="Ports", opened=["8443/tcp"], memory="/var/lib/ostree-release/declared/ports"
        )
    """
    state = known(Firewalld, memory=memory)
    if not state.running:
        what = "is not running" if state.installed else "is not installed"
        tell(f"firewalld {what}: no port was opened. Clients need {', '.join(opened)}.")
        host.noop(f"firewalld {what}")
        return
    listed = all(is_open(port, there) for port in opened for there in (state.now, state.permanent))
    served = {"now": [], "permanent": []} if listed else known(Served)
    lines = list(_changes(opened, state, served, memory))
    yield from together(lines, f"{', '.join(opened)}: open in firewalld", "set -e; umask 022")


def _changes(
    opened: list[str], state: FirewalldState, served: Mapping[str, list[str]], memory: str
) -> Iterator[str]:
    scopes = (("", state.now, served["now"]), ("--permanent ", state.permanent, served["permanent"]))
    missing = {
        option: [port for port in opened if not is_open(port, [*there, *by_service])]
        for option, there, by_service in scopes
    }
    # Ports that were open before us stay the administrator's: they are not remembered, and so never closed.
    ours = [
        port for port in opened if port in state.remembered or any(port in each for each in missing.values())
    ]
    obsolete = [port for port in state.remembered if port not in opened]
    # Remembered first: cut off after this line, the next run still knows what is to be closed.
    if sorted({*ours, *obsolete}) != state.remembered:
        yield remember(sorted({*ours, *obsolete}), memory)
    for option, there, _ in scopes:
        for port in missing[option]:
            yield f"firewall-cmd -q {option}{quoted('--add-port=' + port)}"
        for port in obsolete:
            # Not one in a wider range, which somebody else opened: firewalld would cut it in two.
            if port in there and not is_open(port, [each for each in there if each != port]):
                yield f"firewall-cmd -q {option}{quoted('--remove-port=' + port)}"
    if obsolete:
        yield remember(ours, memory)


def is_open(port: str, there: Iterable[str]) -> bool:
    """Tell whether a port or range is among open ones, also where several that touch make it up.

    + port: port or range with its protocol, such as "8443/tcp" or "8000-8010/udp"
    + there: open ones as firewalld lists them: "1025-65535/tcp", also with a service's name, "https/tcp"

    Returns True when everything that is asked for is open.
    """
    first, last, protocol = _range(port)
    if first > last:
        return False
    for start, end, its_protocol in sorted(map(_range, there)):
        if its_protocol == protocol and start <= first <= end:
            first = end + 1
    return first > last


def _range(port: str) -> tuple[int, int, str]:
    """Return first and last port and the protocol; of a name that is not known here, a range of nothing."""
    ports, _, protocol = port.partition("/")
    with suppress(ValueError):
        first, *rest = sorted(map(int, ports.split("-")))
        return first, rest[-1] if rest else first, protocol
    with suppress(OSError):
        number = getservbyname(ports, protocol)
        return number, number, protocol
    return 0, -1, protocol
