"""Health reports of clients: the unit that writes them, and handing them to the server.

Not by `files.put` and `systemd.service` of pyinfra, which ask for each file and unit: a client is asked for
everything in one read, and its files come with the command that uses them.
"""

from base64 import b64encode
from typing import Literal

from pyinfra.api import FunctionCommand, Host, State, operation
from pyinfra.context import host

from tasks.client import boot_health, servers
from tasks.facts.error_messages import client_reason
from tasks.facts.rpm_ostree import ClientState
from tasks.operations.remote_script import Commands, as_root
from tasks.pyinfra_gaps.failures import failed

# Arguments: path and content in base64, in turns. A file gets its name complete.
_INSTALL = f"""
set -e; umask 022
while [ $# -gt 0 ]; do
  mkdir -p "${{1%/*}}"; printf %s "$2" | base64 -d > "$1.new"; mv -f "$1.new" "$1"; shift 2
done
systemctl daemon-reload
systemctl enable {boot_health.TIMER}
systemctl restart {boot_health.TIMER}
"""
_REMOVE = f"""
set -e
systemctl disable --now {boot_health.TIMER} || true
rm -f "$@" {boot_health.REPORT}
systemctl daemon-reload
"""


@operation()
def reporting(wanted: bool) -> Commands:
    """Have a client say after each boot how it went, or have it say nothing.

    + wanted: whether it reports

    **Example:**

    .. code:: python

        health_reports.reporting(name="Health reports", wanted=True)
    """
    machine = host.get_fact(ClientState)
    change = boot_health.unit_change(machine["health_unit"], wanted)
    if change is None:
        host.noop("reports its health already" if wanted else "does not report its health")
        return
    yield FunctionCommand(change_unit, (change,), {})


def hand_in(state: State, host: Host, server: str) -> bool:
    """Hand in all reports that were collected for a server, once.

    Returns False if they were refused or the server cannot be reached, with the reason said.
    """
    answer = servers.hand_in_reports(servers.find(host, server))
    if "error" in answer:
        return failed(host, f"health not recorded: {answer['error']}")
    return True


def change_unit(state: State, host: Host, change: Literal["install", "remove"]) -> bool:
    """Install or remove the unit.

    Returns False if it failed, with the reason said.
    """
    if change == "install":
        contents = (
            word
            for path, text in boot_health.FILES.items()
            for word in (path, b64encode(text.encode()).decode())
        )
        command = as_root(_INSTALL, *contents)
    else:
        command = as_root(_REMOVE, *boot_health.FILES)
    success, output = host.run_shell_command(command)
    if not success:
        return failed(host, f"health unit not changed: {client_reason(output.stderr_lines)}")
    return True
