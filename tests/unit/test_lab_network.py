"""A lab's ports and networks: fixed by its name, and its own."""

from __future__ import annotations

import itertools

import pytest

from lab.network import networks, slot


def test_the_ports_and_addresses_of_the_first_lab_never_change() -> None:
    found = networks("lab")
    assert [found.port(index) for index in range(3)] == [22220, 22221, 22222]
    assert found.management.address(0) == "10.87.0.10"
    assert found.image.address(1) == "10.87.1.11"


def test_the_tests_have_ports_of_their_own() -> None:
    assert networks("test").first_port == 22320


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(["lab", "test", "mine", "dev"], 2)))
def test_labs_share_neither_ports_nor_networks(one: str, other: str) -> None:
    first, second = networks(one), networks(other)
    assert abs(first.first_port - second.first_port) >= 31
    subnets = [
        first.management.subnet,
        first.image.subnet,
        second.management.subnet,
        second.image.subnet,
    ]
    assert not any(left.overlaps(right) for left, right in itertools.combinations(subnets, 2))


@pytest.mark.parametrize("name", ["a", "x" * 31, "another-lab"])
def test_any_name_gives_ports_that_a_user_may_bind_and_networks_that_exist(name: str) -> None:
    found = networks(name)
    assert 1024 < found.first_port < 32768 - 31
    assert slot(name) >= 2
    assert found.image.subnet.prefixlen == 24


def test_only_the_image_network_has_no_way_out() -> None:
    found = networks("lab")
    assert found.image.internal
    assert not found.management.internal
