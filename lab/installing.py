"""What a lab is made with is put on this machine where it may be: a container engine, mmdebstrap."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.engine import DOCKER_SOCKET, PODMAN_SOCKET, Engine, is_there
from lab.errors import LabError

Say = Callable[[str], None]


def engine_package(os_release: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the command that installs a container engine on this distribution, if it is one we know."""
    family = {os_release.get("ID", ""), *os_release.get("ID_LIKE", "").split()}
    if "debian" in family:
        return ("apt-get", "install", "--yes", "docker.io")
    if "fedora" in family:
        return ("dnf", "install", "--assumeyes", "moby-engine")
    return None


def ensure_engine(say: Say) -> Engine:
    """Return a reachable engine: what DOCKER_HOST names, else Docker, else root's Podman.

    As root, one that is installed is started; where there is none, Debian's or Fedora's is installed.

    Raises LabError: there is none and it cannot be installed from here, or it does not answer.
    """
    if os.environ.get("DOCKER_HOST"):
        return Engine.connect()
    installed = next((each for each in _ENGINES if each.is_here()), None)
    if installed is None:
        _install_engine(say)
        installed = _ENGINES[0]
    try:
        return Engine.connect()
    except LabError as error:
        if os.geteuid() != 0:
            raise LabError(f"{error}; {installed.advice}") from None
        installed.start(say)
        return Engine.connect()


@dataclass(frozen=True)
class Installation:
    """An engine that this machine may have, and how it is used."""

    name: str
    program: str
    socket: str
    unit: str
    without_systemd: str  # the command that starts it; one that ends in & is for somebody to type
    advice: str  # for somebody whom it does not answer

    def is_here(self) -> bool:
        """Tell whether it is installed, or somebody's socket is where its own would be."""
        return shutil.which(self.program) is not None or is_there(self.socket)

    def start(self, say: Say) -> None:
        """Start it, at every boot from now on where there is systemd; LabError if it does not."""
        command = f"systemctl enable --now {self.unit}" if _has_systemd() else self.without_systemd
        if command.endswith("&"):
            raise LabError(f"{self.name} is here, and its service is not running: {command}")
        say(f"starting {self.name}: {command}")
        done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise LabError(f"{self.name} does not start: {command}: {_last_line(done.stderr)}")


_ENGINES = (
    Installation(
        "Docker",
        "dockerd",
        DOCKER_SOCKET,
        "docker",
        "service docker start",
        "is it running (sudo systemctl start docker), and may this user use it "
        "(sudo usermod --append --groups docker $USER, then log in again)?",
    ),
    Installation(
        "Podman",
        "podman",
        PODMAN_SOCKET,
        "podman.socket",
        f"podman system service --time=0 unix://{PODMAN_SOCKET} &",
        "Podman is here, and root's can do it: sudo systemctl enable --now podman.socket, "
        f"then this command again with sudo and DOCKER_HOST=unix://{PODMAN_SOCKET}",
    ),
)


def _install_engine(say: Say) -> None:
    command = engine_package(_os_release())
    if command is None:
        raise LabError("there is no container engine here: install Docker or Podman")
    if os.geteuid() != 0:
        raise LabError(f"there is no container engine here; install one: sudo {' '.join(command)}")
    say(f"there is no container engine here: {' '.join(command)}")
    _install(command)


def ensure_mmdebstrap(say: Say) -> None:
    """Have mmdebstrap here: as root on Debian install it, elsewhere say what to install."""
    if shutil.which("mmdebstrap"):
        return
    found = _os_release()
    if "debian" not in {found.get("ID"), *found.get("ID_LIKE", "").split()}:
        raise LabError(
            "every Debian of the lab is built with mmdebstrap: install it and Debian's archive keyring"
        )
    command = (
        "apt-get",
        "install",
        "--yes",
        "--no-install-recommends",
        "mmdebstrap",
        "debian-archive-keyring",
    )
    if os.geteuid() != 0:
        raise LabError(
            f"every Debian of the lab is built with mmdebstrap; install it: sudo {' '.join(command)}"
        )
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


def _has_systemd() -> bool:
    return Path("/run/systemd/system").is_dir()


def _os_release() -> dict[str, str]:
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return {}
    return {key: value.strip("\"'") for key, _, value in (line.partition("=") for line in lines)}


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
