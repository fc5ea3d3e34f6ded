"""The lab's names, and its state file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab import state
from lab.errors import LabError
from lab.state import Lab, State


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr(state, "ROOT", tmp_path / "a clone with a space")
    return Lab("mine")


def finished(lab: Lab) -> State:
    return State(
        name=lab.name,
        base="debian",
        image="sha256:0",
        server=lab.server,
        clients=lab.clients(2),
        management_network="m",
        image_network="i",
    )


def test_clients_follow_dev_pilot_and_stable_in_turn() -> None:
    clients = Lab("lab").clients(4)
    assert [(client.name, client.follows) for client in clients] == [
        ("dev1", "dev"),
        ("pilot1", "pilot"),
        ("stable1", "stable"),
        ("dev2", "dev"),
    ]
    assert len({(client.port, client.address) for client in clients}) == 4
    assert Lab("lab").server.follows is None


def test_state_survives_being_written(lab: Lab) -> None:
    state.write(lab, finished(lab))
    assert state.read(lab) == finished(lab)


def test_the_state_file_has_what_inventory_and_tests_read(lab: Lab) -> None:
    state.write(lab, finished(lab))
    found = json.loads(lab.state_file.read_text())
    assert found["server"]["container"] == "ostree-lab-mine-server"
    assert found["clients"][0]["follows"] == "dev"
    assert found["logins"]["nobody"] == "visitor"
    assert found["public_name"] == "images.lab"


def test_without_a_lab_the_reader_is_told_how_to_start_one(lab: Lab) -> None:
    with pytest.raises(
        LabError, match=r"'mine' is not running; start it with: LAB_NAME=mine .*python.* -m lab up"
    ):
        state.read(lab)


def test_an_unknown_host_is_answered_with_the_known_ones(lab: Lab) -> None:
    with pytest.raises(LabError, match="no host 'web1' in this lab; it has server, dev1, pilot1"):
        finished(lab).machine("web1")


def test_forgetting_one_lab_keeps_the_others(lab: Lab) -> None:
    other = Lab("other")
    state.write(lab, finished(lab))
    state.write(other, finished(other))
    state.forget(lab)
    assert not lab.folder.exists()
    assert other.state_file.exists()
    state.forget(other)
    assert not other.folder.parent.exists()


def test_forgetting_nothing_is_harmless(lab: Lab) -> None:
    lab.folder.parent.parent.mkdir()
    other = lab.folder.parent.parent / "other"
    other.touch()
    state.forget(lab)
    assert list(other.parent.iterdir()) == [other]


@pytest.mark.parametrize("name", ["Lab", "../lab", "a_b", "x" * 32, "-x"])
def test_a_name_that_docker_or_a_folder_would_refuse(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_NAME", name)
    with pytest.raises(LabError, match="lower-case letters, digits and hyphens"):
        state.selected()


def test_the_lab_is_called_lab_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_NAME", raising=False)
    assert state.selected() == Lab("lab")
