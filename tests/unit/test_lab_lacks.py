"""What the lab says of an engine, and of containers, that are not up to it: by fake answers, a lack each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab import connection, lacks, probe, state, up
from lab.__main__ import main
from lab.engine import Engine
from lab.errors import LabError
from lab.probe import Host
from tests.unit.fake_engine import DOCKER, PODMAN, Answers, serving

CAPABILITIES = (1 << 41) - 1
GOOD = Host(CAPABILITIES, inotify_limit=128, inotify_used=20)


# --- the engine ---------------------------------------------------------------------------------------------

ENGINES: Mapping[str, tuple[Answers, dict[str, Any], dict[str, Any], str, str]] = {
    "old Docker": (
        DOCKER,
        {"Version": "19.03.15", "ApiVersion": "1.40"},
        {},
        "debian",
        "the container engine is too old (Docker 19.03.15, cgroup v2, API 1.40): "
        "Docker 20.10 or Podman 4.0 is the oldest that a lab runs on",
    ),
    "old Podman": (
        PODMAN,
        {"Version": "3.4.4"},
        {},
        "debian",
        "the container engine is too old (Podman 3.4.4, cgroup v1, API 1.41): "
        "Docker 20.10 or Podman 4.0 is the oldest that a lab runs on",
    ),
    "very old Docker": (
        DOCKER,
        {"Version": "1.10.3", "ApiVersion": "1.22"},
        {},
        "debian",
        "is too old: API versions below 1.24 are no longer supported by this library.",
    ),
    "rootless Docker": (
        DOCKER,
        {},
        {"SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless", "name=cgroupns"]},
        "debian",
        "rootless engines are not supported: systemd, the firewall and a booting OSTree need root's own "
        "capabilities (Docker 26.1.5, cgroup v2); use root's engine: DOCKER_HOST=unix:///run/docker.sock",
    ),
    "rootless Podman": (
        PODMAN,
        {},
        {"Rootless": True},
        "debian",
        "(Podman 4.3.1, cgroup v1); use root's engine: sudo DOCKER_HOST=unix:///run/podman/podman.sock",
    ),
    "another root": (
        DOCKER,
        {},
        {"SecurityOptions": ["name=userns"]},
        "debian",
        "maps root to another user (Docker 26.1.5, cgroup v2), and a machine of the lab needs root's own "
        "capabilities: take userns-remap out of /etc/docker/daemon.json",
    ),
    "Windows": (
        DOCKER,
        {"Os": "windows"},
        {"OSType": "windows", "CgroupVersion": ""},
        "debian",
        "the container engine runs windows containers: switch it to Linux containers",
    ),
    "Fedora on cgroup v1": (
        DOCKER,
        {},
        {"CgroupVersion": "1"},
        "fedora",
        "the base fedora has systemd 259, which does not start on cgroup v1, and this host has nothing else: "
        "boot it with systemd.unified_cgroup_hierarchy=1, or use LAB_BASE=debian",
    ),
}


@pytest.mark.parametrize("name", ENGINES)
def test_what_an_engine_lacks_is_said_before_anything_is_built(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers, version, info, base, sentence = ENGINES[name]
    monkeypatch.setattr(state, "ROOT", tmp_path)
    monkeypatch.setenv("LAB_BASE", base)
    monkeypatch.setenv("LAB_NAME", "fake")
    with serving(tmp_path / "engine.sock", answers.but(version, info)) as engine:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{engine.socket}")
        assert main(["up"]) == 1
    said = capsys.readouterr().err
    assert sentence in said
    assert len(said.splitlines()) == 1, said
    assert {method for method, _ in engine.asked} == {"GET"}, "something was made"


def test_engines_of_today_lack_nothing() -> None:
    for answers in (DOCKER, PODMAN, DOCKER.but({"Version": "29.0.1", "ApiVersion": "1.52"}, {})):
        assert list(lacks.of_engine(answers.version, answers.info)) == []
    assert (
        list(lacks.of_engine({"ApiVersion": "1.41", "Version": "20.10.24+dfsg1"}, {"CgroupVersion": "1"}))
        == []
    )


@pytest.mark.parametrize(
    ("version", "systemd", "starts"),
    [("1", 257, True), ("1", 258, False), (1, 259, False), ("2", 259, True), ("1", 0, True), ("", 259, True)],
)
def test_which_systemd_starts_on_which_control_groups(version: int | str, systemd: int, starts: bool) -> None:
    assert (list(lacks.of_control_groups(version, systemd, "mine")) == []) is starts


@pytest.mark.parametrize("address", ["tcp://192.0.2.7:2375", "ssh://root@builder", "tcp://docker:2376"])
def test_an_engine_of_another_machine_is_not_even_asked(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    assert main(["up"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(
        f"lab: the container engine is on another machine ({address}), and the lab's ports"
    )
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("address", ["unix:///nowhere", "tcp://127.0.0.1:9", "ssh://127.0.0.1:9"])
def test_an_address_of_this_machine_without_an_engine(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    assert main(["up"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"lab: no container engine answers at {address}: ")
    assert len(said.splitlines()) == 1


# --- its containers -----------------------------------------------------------------------------------------

CONTAINERS: Mapping[str, tuple[dict[str, Any], str]] = {
    "capabilities": (
        {"capabilities": CAPABILITIES & ~(1 << 21) & ~(1 << 9)},
        "the container engine does not give a container these capabilities: LINUX_IMMUTABLE, SYS_ADMIN",
    ),
    "capabilities, and what follows from it": (
        {"capabilities": CAPABILITIES & ~(1 << 21), "mount": "permission denied", "cgroup_write": "denied"},
        "the container engine does not give a container these capabilities: SYS_ADMIN",
    ),
    "no new privileges": (
        {"no_new_privileges": 1},
        "the container engine starts everything with no-new-privileges, and sudo does nothing then: "
        "take it out of the engine's configuration",
    ),
    "AppArmor": (
        {"mount": "mount: /probe/mount: permission denied.", "label": "docker-default (enforce)"},
        "the security module's profile 'docker-default (enforce)' forbids a container with SYS_ADMIN to "
        "mount anything (mount: /probe/mount: permission denied.)",
    ),
    "SELinux": (
        {"mount": "denied", "label": "system_u:system_r:container_t:s0:c1,c2"},
        "the security module's profile 'system_u:system_r:container_t:s0:c1,c2' forbids a container with "
        "SYS_ADMIN to mount anything (denied)",
    ),
    "seccomp": (
        {"mount": "Operation not permitted", "label": "unconfined", "seccomp": 2},
        "a seccomp filter forbids a container with SYS_ADMIN to mount anything (Operation not permitted)",
    ),
    "mounts": (
        {"mount": "not permitted", "label": "system_u:system_r:spc_t:s0"},
        "the engine or its host forbids a container with SYS_ADMIN to mount anything (not permitted)",
    ),
    "cgroup namespace": (
        {"cgroup_path": "/docker/0123abcd", "cgroup_write": "Read-only file system"},
        "a container has no cgroup namespace of its own (it sees itself in /docker/0123abcd): "
        "the kernel does not do cgroupns=private, or the engine not here (Podman before 5.6 on cgroup v1)",
    ),
    "control groups": (
        {"cgroup_version": 2, "cgroup_write": "mkdir: Read-only file system"},
        "systemd cannot write its control groups (cgroup v2) in a container: mkdir: Read-only file system",
    ),
    "programs with privileges on volumes": (
        {"volume": "rw,nosuid,nodev,relatime"},
        "the container engine's volumes are mounted nosuid, and a system lies on them: "
        "keep them on a file system that is not",
    ),
    "immutable flag": (
        {"immutable": "chattr: Operation not supported while setting flags"},
        "the container engine's volumes are on a file system without the immutable flag, which libostree "
        "sets (chattr: Operation not supported while setting flags): keep them on ext4, xfs or btrfs",
    ),
    "labels": (
        {"selinux": "[Errno 95] Not supported"},
        "SELinux labels cannot be written on the container engine's volumes: [Errno 95] Not supported",
    ),
    "FUSE": (
        {"fuse": "cannot open /dev/fuse: No such file"},
        "the real rpm-ostree composes on FUSE, and a container cannot open /dev/fuse (cannot open /dev/fuse: "
        "No such file): sudo modprobe fuse",
    ),
    "inotify instances": (
        {"inotify_used": 120},
        "4 more machines need about 16 inotify instances, and 8 of 128 are left; raise the limit: "
        "sudo sysctl fs.inotify.max_user_instances=264",
    ),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_what_a_container_lacks_is_one_sentence(name: str) -> None:
    found, sentence = CONTAINERS[name]
    assert list(lacks.of_containers(replace(GOOD, **found), 4, composes_on_fuse=True)) == [sentence]


def test_a_container_with_enough_of_everything_lacks_nothing() -> None:
    assert list(lacks.of_containers(GOOD, 4, composes_on_fuse=True)) == []
    without_fuse = replace(GOOD, fuse="no such file")
    assert list(lacks.of_containers(without_fuse, 4, composes_on_fuse=False)) == [], (
        "the stand-in does without"
    )


def test_the_last_inotify_instance_that_is_needed_is_enough() -> None:
    assert list(lacks.of_containers(replace(GOOD, inotify_limit=36), 4, composes_on_fuse=False)) == []
    assert list(lacks.of_containers(replace(GOOD, inotify_limit=35), 4, composes_on_fuse=False)) != []


def test_what_the_probe_printed_is_read() -> None:
    printed = (Path(__file__).parent.parent / "recorded/lab_probe.txt").read_text()
    assert probe.read(printed) == Host(
        capabilities=0xA86C37FF,
        inotify_limit=128,
        inotify_used=37,
        cgroup_version=1,
        volume="rw,relatime",
        systemd=257,
    )


def test_an_answer_that_is_none_is_named() -> None:
    with pytest.raises(LabError, match="answered 'many' when it was asked for its inotify-limit"):
        probe.read("capabilities ff\ninotify-limit many\n")


# --- machines that end --------------------------------------------------------------------------------------


def container(**of_state: Any) -> dict[str, Any]:
    return {
        "Id": "0123",
        "Name": "/ostree-lab-fake-server",
        "RestartCount": 0,
        "Config": {"Tty": True},
        "State": {"Status": "exited", "ExitCode": 255, **of_state},
    }


ENDED = [
    (
        container(),
        "\x1b[0;1;31mFailed to create /init.scope control group: Read-only file system\x1b[0m\r\n",
        "server ended with 255: Failed to create /init.scope control group: Read-only file system "
        "(on Docker 26.1.5, cgroup v2)",
    ),
    (container(ExitCode=1), "", "server ended with 1: it printed nothing (on Docker 26.1.5, cgroup v2)"),
    (
        container(Status="restarting"),
        "no init\n",
        "server ended with 255: no init (on Docker 26.1.5, cgroup v2)",
    ),
    (container(Status="created", ExitCode=0), "", "server was never started"),
]


@pytest.mark.parametrize(("found", "printed", "sentence"), ENDED)
def test_logs_of_a_machine_that_never_came_up(
    found: dict[str, Any],
    printed: str,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LAB_NAME", "fake")
    more = {
        "/containers/json": json.dumps([{"Id": "0123"}]).encode(),
        "/containers/ostree-lab-fake-server/json": json.dumps(found).encode(),
        "/containers/0123/json": json.dumps(found).encode(),
        "/containers/0123/logs": printed.encode(),
    }
    with serving(tmp_path / "engine.sock", DOCKER.but({}, {}, more)) as engine:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{engine.socket}")
        assert main(["logs", "server"]) == 0
        shown = capsys.readouterr()
        assert main(["logs", "dev1"]) == 1
    assert "\x1b" not in shown.out
    assert all(line in printed for line in shown.out.splitlines())
    assert bool(shown.out) == bool(printed)
    assert shown.err == f"{sentence}\n"
    assert capsys.readouterr().err == "lab: the lab 'fake' has no machine 'dev1'; it has server\n"


def test_logs_without_a_lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAB_NAME", "fake")
    with serving(tmp_path / "engine.sock", DOCKER) as engine:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{engine.socket}")
        assert main(["logs", "server"]) == 1
    said = capsys.readouterr().err
    refused = "lab: the lab 'fake' has no machine 'server'; it has none"
    assert said == f"{refused}; start it with: {state.typed('up')}\n"
    assert "start it with: LAB_NAME=fake " in said


def test_an_engine_that_fails_on_the_way_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAB_NAME", "fake")
    more = {"/containers/json": json.dumps([{"Id": "0123"}]).encode(), "/containers/0123/json": b"nonsense"}
    with serving(tmp_path / "engine.sock", DOCKER.but({}, {}, more)) as engine:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{engine.socket}")
        assert main(["logs", "server"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("lab: the container engine failed: ")
    assert len(said.splitlines()) == 1


DOWN = container(Status="restarting")
AGAIN = {**DOWN, "RestartCount": 5}


@pytest.mark.parametrize(("answers", "ends"), [([DOWN, AGAIN], True), ([AGAIN], False)])
def test_a_machine_that_ends_again_and_again_is_not_waited_for(
    answers: list[dict[str, Any]],
    ends: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "run", refuse)
    lab = state.Lab("fake")
    left = [json.dumps(answer).encode() for answer in answers]

    class Changing(dict[str, bytes]):
        def __getitem__(self, path: str) -> bytes:
            if path.endswith("/logs"):
                return b"no init"
            return left.pop(0) if len(left) > 1 else left[0]

    more = Changing(
        {
            "/containers/ostree-lab-fake-server/json": b"",
            "/containers/0123/logs": b"",
            "/containers/0123/json": b"",
        }
    )
    with serving(tmp_path / "engine.sock", Answers(DOCKER.version, DOCKER.info, more)) as served:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{served.socket}")
        found = "ended with 255: no init" if ends else "does not answer"
        with pytest.raises(LabError, match=found):
            up.wait(Engine.connect(), lab, lab.server, 0.5)


def refuse(*_: object) -> str:
    raise LabError("server does not answer")
