"""SSH to a machine of the lab, with the lab's key and known hosts only."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence

import paramiko

from lab import keys
from lab.errors import LabError
from lab.network import LOOPBACK
from lab.state import LOGINS, Lab, Machine, typed

_ATTEMPT_SECONDS = 5.0
_COMMAND_SECONDS = 30.0


def command(lab: Lab, machine: Machine, remote: Sequence[str], login: str = LOGINS["admin"]) -> list[str]:
    """Return the ssh command line that reaches a machine; LabError if there is no ssh here."""
    if shutil.which("ssh") is None:
        raise LabError("there is no ssh on this machine: install an OpenSSH client")
    return [
        "ssh",
        # The person's own configuration must not change what the lab means.
        "-F",
        "/dev/null",
        "-o",
        "StrictHostKeyChecking=yes",
        "-o",
        f'UserKnownHostsFile="{keys.known_hosts_file(lab)}"',
        "-o",
        "IdentitiesOnly=yes",
        "-i",
        str(keys.user_key_file(lab)),
        "-p",
        str(machine.port),
        f"{login}@{LOOPBACK}",
        *remote,
    ]


def run(lab: Lab, machine: Machine, remote: str) -> str:
    """Run a command on a machine as its admin and return what it printed; LabError if that failed."""
    client = paramiko.SSHClient()
    client.load_host_keys(str(keys.known_hosts_file(lab)))
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    try:
        client.connect(
            LOOPBACK,
            machine.port,
            username=LOGINS["admin"],
            pkey=paramiko.Ed25519Key.from_private_key_file(str(keys.user_key_file(lab))),
            timeout=_ATTEMPT_SECONDS,
            banner_timeout=_ATTEMPT_SECONDS,
            auth_timeout=_ATTEMPT_SECONDS,
            allow_agent=False,
            look_for_keys=False,
        )
        _, out, err = client.exec_command(remote, timeout=_COMMAND_SECONDS)
        printed = out.read().decode(errors="replace")
        complaint = err.read().decode(errors="replace")
        code = out.channel.recv_exit_status()
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise LabError(f"{machine.name} does not answer SSH on {LOOPBACK}:{machine.port}: {error}") from None
    finally:
        client.close()
    if code != 0:
        raise LabError(f"{machine.name}: {remote} ended with {code}: {' '.join(complaint.split())}")
    return printed


def boot_id(lab: Lab, machine: Machine) -> str:
    """Return the identifier of a machine's present boot; LabError while it does not answer."""
    return run(lab, machine, "cat /proc/sys/kernel/random/boot_id").strip()


def wait(lab: Lab, machine: Machine, seconds: float, ended: Callable[[], str | None]) -> None:
    """Return once the admin can log in and run a command.

    + lab: which one
    + machine: which of its machines
    + seconds: how long it may take
    + ended: says why it will not happen any more, or nothing

    Raises LabError: it ended, or time is up, with the reason.
    """

    def ready() -> bool:
        # sshd refuses everybody but root until systemd says that booting is over.
        return run(lab, machine, "echo ready").strip() == "ready"

    until(ready, seconds, f"see: {typed(f'logs {machine.name}')}", ended)


def until(
    condition: Callable[[], bool],
    seconds: float,
    otherwise: str,
    ended: Callable[[], str | None] = lambda: None,
) -> None:
    """Return once a condition holds; LabError with what `ended` says, or with `otherwise` when time is up."""
    end = time.monotonic() + seconds
    while True:
        problem = ""
        try:
            if condition():
                return
        except LabError as error:
            problem = f"{error}; "
        if reason := ended():
            raise LabError(reason)
        if time.monotonic() >= end:
            raise LabError(f"{problem}{otherwise} (waited {seconds:.0f} s)")
        time.sleep(0.3)
