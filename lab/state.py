"""What a lab consists of, and the file that says so: `.lab/NAME/state.json`."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lab.errors import LabError
from lab.network import PUBLIC_NAME, Networks, networks

ROOT = Path(__file__).resolve().parent.parent
LOGINS = {
    "admin": "admin",
    "composer": "composer",
    "promoter": "promoter",
    "approver": "approver",
    "nobody": "visitor",
}
DEFAULT_CLIENTS = 3
MAXIMUM_CLIENTS = 30
_FOLLOWS = ("dev", "pilot", "stable")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


@dataclass(frozen=True)
class Machine:
    """A machine of the lab: the server, or (with `follows`) a client."""

    name: str
    container: str
    port: int
    address: str  # on the image network
    follows: str | None = None


@dataclass(frozen=True)
class Lab:
    """Names that follow from a lab's own name; nothing here says whether it runs."""

    name: str

    @property
    def folder(self) -> Path:
        return ROOT / ".lab" / self.name

    @property
    def state_file(self) -> Path:
        return self.folder / "state.json"

    @property
    def networks(self) -> Networks:
        return networks(self.name)

    def resource(self, suffix: str) -> str:
        """Return the Docker name of a container, volume or network of this lab."""
        return f"ostree-lab-{self.name}-{suffix}"

    @property
    def packages_volume(self) -> str:
        return self.resource("packages")

    @property
    def server(self) -> Machine:
        return self._machine(0, "server", None)

    def clients(self, count: int) -> tuple[Machine, ...]:
        """Return the first `count` clients: dev1, pilot1, stable1, dev2, …"""
        return tuple(
            self._machine(
                number + 1,
                f"{_FOLLOWS[number % len(_FOLLOWS)]}{number // len(_FOLLOWS) + 1}",
                _FOLLOWS[number % len(_FOLLOWS)],
            )
            for number in range(count)
        )

    def _machine(self, index: int, name: str, follows: str | None) -> Machine:
        return Machine(
            name=name,
            container=self.resource(name),
            port=self.networks.port(index),
            address=self.networks.image.address(index),
            follows=follows,
        )


@dataclass(frozen=True)
class State:
    """What a finished `up` wrote down."""

    name: str
    base: str
    image: str
    server: Machine
    clients: tuple[Machine, ...]
    management_network: str
    image_network: str
    logins: Mapping[str, str] = field(default_factory=lambda: dict(LOGINS))
    public_name: str = PUBLIC_NAME

    @property
    def machines(self) -> tuple[Machine, ...]:
        return (self.server, *self.clients)

    def machine(self, name: str) -> Machine:
        """Return the machine called `name`; LabError names the ones there are."""
        for machine in self.machines:
            if machine.name == name:
                return machine
        known = ", ".join(machine.name for machine in self.machines)
        raise LabError(f"there is no host {name!r} in this lab; it has {known}")


def selected() -> Lab:
    """Return the lab that LAB_NAME names, by default `lab`."""
    name = os.environ.get("LAB_NAME") or "lab"
    if not _NAME.fullmatch(name):
        raise LabError(f"LAB_NAME={name}: lower-case letters, digits and hyphens, at most 31 characters")
    return Lab(name)


def typed(subcommand: str, name: str | None = None) -> str:
    """Return what to type for a subcommand of a lab, by default the selected one: with this very Python."""
    python = Path(sys.executable)
    python = python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python
    name = name or os.environ.get("LAB_NAME") or "lab"
    return f"{f'LAB_NAME={name} ' if name != 'lab' else ''}{shlex.quote(str(python))} -m lab {subcommand}"


def write(lab: Lab, state: State) -> None:
    """Write the state file so that a reader sees the old one or the new one, never half of it."""
    lab.folder.mkdir(parents=True, exist_ok=True)
    unfinished = lab.state_file.with_suffix(".new")
    unfinished.write_text(json.dumps(asdict(state), indent=2) + "\n")
    unfinished.replace(lab.state_file)


def read(lab: Lab) -> State:
    """Return what the last finished `up` wrote; LabError if there is none."""
    try:
        found = json.loads(lab.state_file.read_text())
    except FileNotFoundError:
        raise LabError(
            f"the lab {lab.name!r} is not running; start it with: {typed('up', lab.name)}"
        ) from None
    return State(
        **{
            **found,
            "server": Machine(**found["server"]),
            "clients": tuple(Machine(**client) for client in found["clients"]),
        }
    )


def forget_contents(lab: Lab) -> None:
    """Empty the state folder, which stays where it is (its lock is held)."""
    for path in lab.folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def forget(lab: Lab) -> None:
    """Remove the state folder, and the folder above it once no lab is left in it."""
    shutil.rmtree(lab.folder, ignore_errors=True)
    with suppress(OSError):  # another lab's, which may just have begun
        lab.folder.parent.rmdir()
