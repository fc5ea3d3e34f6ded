"""Every file of tests names the station of the road that it starts from; the files run in parts, side by side.

A part has what it needs to itself: a lab with workstations, whose time is mostly waiting for them to boot; a lab
without; a container for tests/server. pytest-xdist gives each part a process of its own (`make test`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.integration.driver import NAME, Lab
from tests.integration.stations import Stations

# The files in the lab with workstations. Two need none: both labs are to be done at about the same time.
WITH_CLIENTS = ("40", "66", "72", "79", "80")
SERVER_SUITE = "90"
CLIENTS = 4  # dev1, pilot1, stable1 and dev2: two that follow dev get a broken image each at the same time


def part(file: Path) -> str:
    """Return which part of the tests a file of them belongs to."""
    name = file.name.removeprefix("test_")
    if name.startswith(SERVER_SUITE):
        return "server suite"
    return "clients" if name.startswith(WITH_CLIENTS) else "server"


class Parts(LoadScopeScheduling):  # type: ignore[misc]  # it is not typed
    """Gives each part a process of its own."""

    def _split_scope(self, nodeid: str) -> str:
        return part(self.config.rootpath / nodeid.partition("::")[0])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Parts:
    return Parts(config, log)


@pytest.fixture(scope="session")
def stations() -> Iterator[Callable[[str], Stations]]:
    """Give the stations of a part's lab, which is started for the first file that needs it.

    Whatever an earlier run left is removed before; KEEP_LAB=1 takes a lab as it is, and leaves it.
    """
    keep = bool(os.environ.get("KEEP_LAB"))
    found: dict[str, Stations] = {}

    def of(name: str) -> Stations:
        if name not in found:
            lab = Lab(NAME if name == "server" else f"{NAME}-{name}")
            if not keep:
                lab.command("down")
            started.append(lab)
            lab.command("up", "--clients", str(CLIENTS if name == "clients" else 0))
            found[name] = Stations(lab)
            found[name].start_anew_if_changed()
        return found[name]

    started: list[Lab] = []
    yield of
    if not keep:
        for result in [lab.command("down", check=False) for lab in started]:
            assert result.code == 0, result.text


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest, stations: Callable[[str], Stations]) -> Iterator[Lab]:
    """The lab at the station that the file of tests names."""
    its = stations(part(request.path))
    yield its.hand_over(request.module.STATION)
    its.take_back()
