"""What the lab finds missing before it creates anything."""

from __future__ import annotations

import socket

import pytest

from lab import preflight
from lab.errors import LabError
from lab.preflight import Kernel
from lab.state import Lab, Machine

EVERYTHING = (1 << 41) - 1


@pytest.mark.parametrize(
    ("os_release", "program"),
    [
        ({"ID": "debian"}, "apt-get"),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "apt-get"),
        ({"ID": "fedora"}, "dnf"),
        ({"ID": "centos", "ID_LIKE": "rhel fedora"}, "dnf"),
    ],
)
def test_where_we_know_how_an_engine_is_installed(os_release: dict[str, str], program: str) -> None:
    command = preflight.engine_package(os_release)
    assert command is not None
    assert command[0] == program


def test_elsewhere_the_engine_is_left_to_the_person() -> None:
    assert preflight.engine_package({"ID": "arch"}) is None


def test_enough_of_everything_lacks_nothing() -> None:
    assert preflight.lacks(Kernel(EVERYTHING, inotify_limit=128, inotify_used=20), machines=4) == []


def test_too_few_inotify_instances_are_named_with_the_command_that_helps() -> None:
    (sentence,) = preflight.lacks(Kernel(EVERYTHING, inotify_limit=128, inotify_used=120), machines=4)
    assert "8 of 128 are left" in sentence
    assert "sudo sysctl fs.inotify.max_user_instances=264" in sentence


def test_the_last_inotify_instance_that_is_needed_is_enough() -> None:
    assert preflight.lacks(Kernel(EVERYTHING, inotify_limit=36, inotify_used=20), machines=4) == []
    assert preflight.lacks(Kernel(EVERYTHING, inotify_limit=35, inotify_used=20), machines=4) != []


def test_capabilities_that_the_engine_does_not_give_are_named() -> None:
    without = EVERYTHING & ~(1 << 21) & ~(1 << 9)
    (sentence,) = preflight.lacks(Kernel(without, inotify_limit=128, inotify_used=0), machines=1)
    assert "LINUX_IMMUTABLE, SYS_ADMIN" in sentence


def test_a_port_that_is_in_use_is_named() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        busy = Machine("server", "c", port, "10.0.0.1")
        with pytest.raises(LabError, match=f"'mine' needs port {port} of 127.0.0.1, which is in use"):
            preflight.check_ports([busy], Lab("mine"))
    preflight.check_ports([busy], Lab("mine"))
