"""Ports, networks and addresses of a lab: all fixed by its name, so that a reboot changes none of them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from ipaddress import IPv4Network

PUBLIC_NAME = "images.lab"
LOOPBACK = "127.0.0.1"

_FIRST_PORT = 22220
_PORTS_PER_LAB = 100
_KNOWN_SLOTS = {"lab": 0, "test": 1}
_OTHER_SLOTS = 60
_SERVER_HOST_NUMBER = 10


def slot(name: str) -> int:
    """Return the number that sets one lab's ports and networks apart from another's."""
    if name in _KNOWN_SLOTS:
        return _KNOWN_SLOTS[name]
    return len(_KNOWN_SLOTS) + zlib.crc32(name.encode()) % _OTHER_SLOTS


@dataclass(frozen=True)
class Network:
    """One Docker network of a lab."""

    name: str
    subnet: IPv4Network
    # An internal network has no way out, and no port is ever published over it: SSH stays on the other one.
    internal: bool

    def address(self, index: int) -> str:
        """Return the fixed address of machine number `index` (the server is 0, clients are 1 and up)."""
        return str(self.subnet[_SERVER_HOST_NUMBER + index])


@dataclass(frozen=True)
class Networks:
    """How the machines of one lab are reached: management carries SSH, image carries the images."""

    management: Network
    image: Network
    first_port: int

    def port(self, index: int) -> int:
        """Return the port of 127.0.0.1 on which machine number `index` answers SSH."""
        return self.first_port + index


def networks(name: str) -> Networks:
    """Return the networks and ports of the lab called `name`."""
    number = slot(name)
    return Networks(
        management=Network(
            f"ostree-lab-{name}-management", IPv4Network(f"10.87.{2 * number}.0/24"), internal=False
        ),
        image=Network(f"ostree-lab-{name}-image", IPv4Network(f"10.87.{2 * number + 1}.0/24"), internal=True),
        first_port=_FIRST_PORT + _PORTS_PER_LAB * number,
    )
