"""Reboot a client and wait, bounded, until it is back with a new boot id."""

import time

from paramiko import SSHException
from pyinfra.api import Host, StringCommand
from pyinfra.api.exceptions import ConnectError

from tasks.client.rpm_ostree_status import BOOT_ID
from tasks.facts.command_output import asked, reply
from tasks.facts.error_messages import client_reason

# Seconds. Finalising a staged deployment at shutdown may take 5 minutes, firmware of a big machine 3, and a
# client that falls back (with greenboot in its image, or in the lab) boots up to four times.
LIMIT = 900
PAUSE = 2
ANSWER = 20


class NotBackError(Exception):
    """A client did not reboot or did not come back in time; the text is the line to show."""


def reboot_and_wait(host: Host, boot_id: str, limit: float = LIMIT) -> None:
    """Reboot a client and return when it answers again.

    Not pyinfra's `server.reboot`: that looks at the uptime, which in a container is the machine's around it.

    + host: the client, connected
    + boot_id: its boot id now
    + limit: seconds to wait

    Raises NotBackError: it may not be rebooted, or did not come back in time.
    """
    deadline = time.monotonic() + limit
    # Detached, so that the answer is here before the shutdown cuts the connection.
    command = "sudo -n true && { (sleep 1; sudo -n systemctl reboot) >/dev/null 2>&1 & }"
    success, output = host.run_shell_command(StringCommand(command), _timeout=ANSWER)
    if not success:
        raise NotBackError(f"cannot be rebooted: {client_reason(output.stderr_lines)}")
    said = "it still answers with the old boot id"
    while time.monotonic() < deadline:
        time.sleep(PAUSE)
        try:
            now = _boot_id(host)
        except (ConnectError, OSError, EOFError, SSHException, ValueError) as error:
            said = str(error) or type(error).__name__
            continue
        if now != boot_id:
            return
    raise NotBackError(f"did not come back within {limit / 60:.0f} minutes after the reboot: {said}")


def _boot_id(host: Host) -> str:
    """Ask over a new connection: the old one may hang for minutes after a machine has gone.

    Raises ValueError: a machine that is going down or coming up gave no answer.
    """
    host.disconnect()
    host.connect(show_errors=False, raise_exceptions=True)
    command = asked(StringCommand("cat /proc/sys/kernel/random/boot_id"))
    _, output = host.run_shell_command(command, _timeout=ANSWER)
    said = reply(output.stdout_lines)
    if said.status or len(said.lines) != 1 or not BOOT_ID.fullmatch(said.lines[0]):
        raise ValueError("it does not say its boot id")
    return said.lines[0]
