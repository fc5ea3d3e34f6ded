"""Which systems a server may run."""

from __future__ import annotations

import pytest

from tasks.facts.machine import MachineState
from tasks.platforms import DEBIAN, RED_HAT, Platform, choose, composes, load


def machine(system: str, version: str, *like: str, has_rpm_ostree: bool = False) -> MachineState:
    return MachineState(system, like, version, f"{system} {version}", True, has_rpm_ostree, None)


@pytest.mark.parametrize(
    ("system", "platform"),
    [
        (machine("fedora", "44"), RED_HAT),
        (machine("rhel", "9.6", "fedora"), RED_HAT),
        (machine("rocky", "10.0", "rhel", "centos", "fedora"), RED_HAT),
        (machine("almalinux", "9.5", "rhel", "centos", "fedora"), RED_HAT),
        (machine("debian", "12"), DEBIAN),
        (machine("debian", "13"), DEBIAN),
    ],
)
def test_supported(system: MachineState, platform: Platform) -> None:
    assert choose(system) is platform


@pytest.mark.parametrize(
    "system",
    [
        machine("debian", "11"),
        machine("rocky", "8.10", "rhel", "centos", "fedora"),
        machine("ubuntu", "24.04", "debian"),
        machine("", ""),
    ],
)
def test_unsupported_is_one_line(system: MachineState) -> None:
    assert choose(system) is None
    with pytest.raises(SystemExit) as refusal:
        load(system)
    assert "is not supported: a server is Fedora" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_where_images_are_composed() -> None:
    assert composes(RED_HAT, machine("fedora", "44"))
    assert not composes(DEBIAN, machine("debian", "13"))
    assert composes(DEBIAN, machine("debian", "13", has_rpm_ostree=True))
