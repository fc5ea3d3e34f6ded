"""Which engine the lab takes, and what it does where there is none that answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab import engine, installing
from lab.errors import LabError
from tests.unit.fake_engine import PODMAN, serving

FAMILIES = [
    ({"ID": "debian"}, "apt-get"),
    ({"ID": "ubuntu", "ID_LIKE": "debian"}, "apt-get"),
    ({"ID": "fedora"}, "dnf"),
    ({"ID": "centos", "ID_LIKE": "rhel fedora"}, "dnf"),
]


@pytest.mark.parametrize(("os_release", "program"), FAMILIES)
def test_where_we_know_how_an_engine_is_installed(os_release: dict[str, str], program: str) -> None:
    command = installing.engine_package(os_release)
    assert command is not None
    assert command[0] == program


def test_elsewhere_the_engine_is_left_to_the_person() -> None:
    assert installing.engine_package({"ID": "arch"}) is None


class Host:
    """A machine of its own: programs and sockets are only what a test puts there."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.docker, self.podman = folder / "docker.sock", folder / "podman.sock"
        self.said: list[str] = []
        self.monkeypatch = monkeypatch
        monkeypatch.delenv("DOCKER_HOST", raising=False)
        monkeypatch.setenv("PATH", str(folder))
        monkeypatch.setattr(engine, "DOCKER_SOCKET", str(self.docker))
        monkeypatch.setattr(engine, "PODMAN_SOCKET", str(self.podman))
        docker, podman = installing._ENGINES
        engines = replace(docker, socket=str(self.docker)), replace(podman, socket=str(self.podman))
        monkeypatch.setattr(installing, "_ENGINES", engines)
        for program in ("apt-get", "dnf", "systemctl", "service"):
            self.has(program)

    def has(self, program: str) -> None:
        path = self.folder / program
        path.write_text(f"#!/bin/sh\necho {program} \"$@\" >> '{self.log}'\n")
        path.chmod(0o755)

    def asked_for(self, user: int) -> engine.Engine:
        self.monkeypatch.setattr("os.geteuid", lambda: user)
        return installing.ensure_engine(self.said.append)

    @property
    def ran(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def test_podman_that_answers_is_taken_where_there_is_no_docker(host: Host) -> None:
    host.has("podman")
    with serving(host.podman, PODMAN):
        assert str(host.asked_for(0)) == "Podman 4.3.1, cgroup v1"
    assert host.ran == ""


def test_docker_comes_first(host: Host) -> None:
    host.has("podman")
    with serving(host.podman, PODMAN), serving(host.docker, PODMAN.but({"Components": None}, {})):
        assert str(host.asked_for(0)) == "Docker 4.3.1, cgroup v1"


def test_a_user_with_podman_is_told_how_to_use_it(host: Host) -> None:
    host.has("podman")
    with pytest.raises(
        LabError, match=r"systemctl enable --now podman\.socket, then .* DOCKER_HOST=unix:///run"
    ):
        host.asked_for(1000)
    assert host.ran == "", "nothing is installed beside it"


def test_podman_is_started_by_root_and_nothing_installed(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "_has_systemd", lambda: True)
    host.has("podman")
    with pytest.raises(LabError, match="no container engine answers"):
        host.asked_for(0)  # what is started here answers nothing
    assert host.ran == "systemctl enable --now podman.socket\n"


def test_without_systemd_the_person_starts_podman(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "_has_systemd", lambda: False)
    host.has("podman")
    with pytest.raises(
        LabError, match="its service is not running: podman system service --time=0 unix:///run"
    ):
        host.asked_for(0)
    assert host.ran == ""


def test_what_docker_host_names_is_neither_started_nor_replaced(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{host.folder}/none.sock")
    with pytest.raises(LabError, match=r"no container engine answers at unix:.*/none\.sock: No such file"):
        host.asked_for(0)
    assert host.ran == ""


def test_without_any_engine_a_user_is_told_the_command(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "_os_release", lambda: {"ID": "debian"})
    with pytest.raises(LabError, match="install one: sudo apt-get install --yes docker"):
        host.asked_for(1000)
    assert host.ran == ""


def test_without_any_engine_root_gets_one(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "_os_release", lambda: {"ID": "debian"})
    with pytest.raises(LabError, match="no container engine answers"):
        host.asked_for(0)  # what is installed here is none
    assert "apt-get install --yes docker.io" in host.ran
