"""What a lab needs of the machine it runs on: each lack is one sentence, found before anything is created."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.engine import CLIENT_CAPABILITIES, Engine
from lab.errors import LabError
from lab.network import LOOPBACK
from lab.state import Lab, Machine

# Capability numbers of linux/capability.h.
_CAPABILITY_BITS = {
    "DAC_READ_SEARCH": 2,
    "LINUX_IMMUTABLE": 9,
    "NET_ADMIN": 12,
    "SYS_PTRACE": 19,
    "SYS_ADMIN": 21,
    "SYS_BOOT": 22,
}
# Measured: what one idle machine's systemd and its services hold, per machine, with the units masked that the
# images mask. Creating one more than the limit fails with "Too many open files".
_INOTIFY_PER_MACHINE = 4
_MINIMUM_FREE = 6 * 2**30
_INOTIFY_LIMIT = "fs.inotify.max_user_instances"

Say = Callable[[str], None]


# --- the engine -------------------------------------------------------------------------------------------


def engine_package(os_release: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the command that installs a container engine on this distribution, if it is one we know."""
    family = {os_release.get("ID", ""), *os_release.get("ID_LIKE", "").split()}
    if "debian" in family:
        return ("apt-get", "install", "--yes", "docker.io")
    if "fedora" in family:
        return ("dnf", "install", "--assumeyes", "moby-engine")
    return None


def ensure_engine(say: Say) -> Engine:
    """Return a reachable engine; as root on Debian or Fedora, install and start one where there is none.

    Raises:
        LabError: there is none and it cannot be installed from here, or it does not answer.
    """
    if "DOCKER_HOST" not in os.environ and not Path("/var/run/docker.sock").exists() and not _has_daemon():
        _install_engine(say)
    try:
        return Engine.connect()
    except LabError as error:
        if os.geteuid() == 0 and _has_daemon() and "DOCKER_HOST" not in os.environ:
            say("starting the container engine")
            _start_daemon()
            return Engine.connect()
        raise LabError(f"{error}; {_advice()}") from None


def _has_daemon() -> bool:
    return shutil.which("dockerd") is not None


def _install_engine(say: Say) -> None:
    command = engine_package(_os_release())
    if command is None:
        raise LabError(
            "there is no container engine here: install Docker, or Podman with DOCKER_HOST on its socket"
        )
    if os.geteuid() != 0:
        raise LabError(f"there is no container engine here; install one: sudo {' '.join(command)}")
    say(f"there is no container engine here: {' '.join(command)}")
    _install(command)
    _start_daemon()


def _start_daemon() -> None:
    starter = ["systemctl", "enable", "--now", "docker"]
    if not Path("/run/systemd/system").is_dir():
        starter = ["service", "docker", "start"]
    done = subprocess.run(starter, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"the container engine does not start: {' '.join(starter)}: {_last_line(done.stderr)}")


def _advice() -> str:
    if os.geteuid() != 0 and Path("/var/run/docker.sock").exists():
        return "may this user use it? (sudo usermod --append --groups docker $USER, then log in again)"
    return "is it running? (sudo systemctl start docker)"


def ensure_mmdebstrap(say: Say) -> None:
    """Have mmdebstrap here: as root on Debian install it, elsewhere say what to install."""
    if shutil.which("mmdebstrap"):
        return
    found = _os_release()
    if "debian" not in {found.get("ID"), *found.get("ID_LIKE", "").split()}:
        raise LabError("the Debian base is built with mmdebstrap: install it and Debian's archive keyring")
    command = (
        "apt-get",
        "install",
        "--yes",
        "--no-install-recommends",
        "mmdebstrap",
        "debian-archive-keyring",
    )
    if os.geteuid() != 0:
        raise LabError(f"the Debian base is built with mmdebstrap; install it: sudo {' '.join(command)}")
    say(f"mmdebstrap is missing: {' '.join(command)}")
    _install(command)


def _install(command: Sequence[str]) -> None:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if command[0] == "apt-get":
        # A fresh machine has no package lists; an old one may have stale ones.
        subprocess.run(["apt-get", "update"], env=quiet, capture_output=True, check=False)
    done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)} failed: {_last_line(done.stderr or done.stdout)}")


def _os_release() -> dict[str, str]:
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return {}
    return {key: value.strip("\"'") for key, _, value in (line.partition("=") for line in lines)}


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


# --- this machine -----------------------------------------------------------------------------------------


def check_ports(machines: Sequence[Machine], lab: Lab) -> None:
    """Refuse ports of 127.0.0.1 that something else listens on already."""
    taken = [str(machine.port) for machine in machines if not _is_free(machine.port)]
    if taken:
        raise LabError(
            f"the lab {lab.name!r} needs port {', '.join(taken)} of {LOOPBACK}, which is in use; "
            f"stop what listens there, or choose a lab with other ports: LAB_NAME=another"
        )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


def check_disk(engine: Engine) -> None:
    """Refuse too little space where the engine keeps its volumes, if that is on this machine."""
    root = Path(str(engine.client.info().get("DockerRootDir", "")))
    if root.is_dir():
        free = shutil.disk_usage(root).free
        if free < _MINIMUM_FREE:
            raise LabError(
                f"a lab needs {_MINIMUM_FREE / 2**30:.0f} GiB of disk; {root} has {free / 2**30:.1f} GiB free"
            )


# --- where the containers run -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Kernel:
    """What a container sees of the kernel it runs on."""

    capabilities: int  # the effective set, as bits
    inotify_limit: int  # instances per user
    inotify_used: int  # by root, all containers together


def look(engine: Engine, image: str, lab: Lab) -> Kernel:
    """Ask the kernel that containers run on, from inside one."""
    script = (
        "grep CapEff /proc/self/status; cat /proc/sys/fs/inotify/max_user_instances; "
        "find /proc/[0-9]*/fd -user 0 -lname anon_inode:inotify 2>/dev/null | wc -l"
    )
    lines = engine.run(
        image, ["/bin/sh", "-c", script], capabilities=CLIENT_CAPABILITIES, lab=lab, pid_mode="host"
    ).splitlines()
    return Kernel(int(lines[0].split()[1], 16), int(lines[1]), int(lines[2]))


def lacks(kernel: Kernel, machines: int) -> list[str]:
    """Return what is missing for that many more machines, one sentence each.

    Args:
        kernel: what `look` found.
        machines: how many are about to be started.
    """
    found = []
    missing = [name for name, bit in _CAPABILITY_BITS.items() if not kernel.capabilities >> bit & 1]
    if missing:
        found.append(
            f"the container engine does not give a container these capabilities: {', '.join(missing)}"
        )
    needed = _INOTIFY_PER_MACHINE * machines
    free = kernel.inotify_limit - kernel.inotify_used
    if free < needed:
        found.append(
            f"{machines} more machines need about {needed} inotify instances, and {max(free, 0)} of "
            f"{kernel.inotify_limit} are left; raise the limit: "
            f"sudo sysctl {_INOTIFY_LIMIT}={kernel.inotify_used + needed + 128}"
        )
    return found
