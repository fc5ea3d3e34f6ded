"""One lab for the whole suite, and the stations of the road that tests start from.

The files are numbered in the order of the road; each fixture below brings the lab at least to its station, so a single
test can also be run alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.driver import Lab
from tests.integration.server_suite import ServerSuite


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Start a lab of the tests' own, whatever an earlier run left; KEEP_LAB=1 takes it as it is, and leaves it."""
    lab = Lab(os.environ.get("LAB_NAME", "test"))
    keep = bool(os.environ.get("KEEP_LAB"))
    if not keep:
        lab.command("down")
    lab.command("up")
    yield lab
    if not keep:
        lab.command("down")


@pytest.fixture(scope="session", autouse=True)
def server_suite(request: pytest.FixtureRequest, lab: Lab) -> Iterator[ServerSuite | None]:
    """tests/server, begun with the lab if the test that waits for it was chosen."""
    if not any(item.name == "test_every_test_of_the_server_suite_passes" for item in request.session.items):
        yield None
        return
    suite = ServerSuite(lab)
    yield suite
    suite.remove()


@pytest.fixture(scope="session")
def deployed(lab: Lab) -> Lab:
    """The server as deploy.py leaves it."""
    lab.pyinfra("deploy.py", "-y")
    return lab


def release(lab: Lab, *arguments: str) -> dict[str, Any]:
    """Run `ostree-release ARGUMENTS --json` as root on the server and return its document."""
    document: dict[str, Any] = json.loads(
        lab.server(f"ostree-release {' '.join(arguments)} --json").out.splitlines()[-1]
    )
    return document


def newest_build(lab: Lab) -> dict[str, Any]:
    """Return version and checksum of the newest build of dev."""
    build: dict[str, Any] = release(lab, "builds", "dev")["builds"][0]
    return build


def ring(lab: Lab, name: str) -> dict[str, Any] | None:
    """Return the release that a ring of prod has, if any."""
    rings = release(lab, "status")["environments"]["prod"]["rings"]
    found: dict[str, Any] | None = next(entry["release"] for entry in rings if entry["name"] == name)
    return found


def new_build(lab: Lab, package: str, version: str) -> dict[str, Any]:
    """Publish another version of a package and compose it; return the new build."""
    lab.command("publish", package, version)
    lab.pyinfra("tasks/compose.py", "-y")
    return newest_build(lab)


@pytest.fixture(scope="session")
def first_build(deployed: Lab) -> dict[str, Any]:
    """The first build of dev."""
    deployed.pyinfra("tasks/compose.py", "-y")
    return newest_build(deployed)


@pytest.fixture(scope="session")
def first_release(deployed: Lab, first_build: dict[str, Any]) -> dict[str, Any]:
    """The first build, promoted through both rings of prod."""
    deployed.pyinfra("promote.py", "-y")
    deployed.pyinfra("promote.py", "-y", "--data", "ring=stable")
    found = ring(deployed, "stable")
    assert found is not None
    return found


@pytest.fixture(scope="session")
def followed(deployed: Lab, first_release: dict[str, Any]) -> Lab:
    """Every client booted into what it follows."""
    deployed.pyinfra("tasks/rebase.py", "-y", "--data", "reboot=yes")
    return deployed
