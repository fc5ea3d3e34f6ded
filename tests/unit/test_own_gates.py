"""Gates of the administrator's own: the folder, the sandbox, who may start it, and their words."""

from __future__ import annotations

import configparser
import json
import re
from pathlib import Path

import pytest

from ostree_release.gates.own.runs import IDENTIFIER, _result, last_line
from tasks.server import gates, release_tool
from tasks.settings import places
from tasks.settings.load import server_settings
from tasks.settings.reader import SettingsError
from tests.unit.settings_cases import NAME, valid


def folder(tmp_path: Path, **modes: int) -> Path:
    for name, mode in modes.items():
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(mode)
    return tmp_path


def test_the_gates_of_a_folder_in_the_order_in_which_they_run(tmp_path: Path) -> None:
    (tmp_path / ".gitkeep").touch()
    path = folder(tmp_path, b20=0o755, a10=0o700)
    settings = server_settings(valid(ostree_gates_directory=str(path)), NAME)
    assert list(gates.own_gates(settings).items()) == [("a10", b"#!/bin/sh\n"), ("b20", b"#!/bin/sh\n")]
    assert gates.own_gates(server_settings(valid(), NAME)) == {}


@pytest.mark.parametrize("wrong", ["README", "10 space", "sub"])
def test_what_is_no_gate_is_refused_by_name(tmp_path: Path, wrong: str) -> None:
    if wrong == "sub":
        (tmp_path / wrong).mkdir()
    else:
        folder(tmp_path, **{wrong: 0o755 if " " in wrong else 0o644})
    with pytest.raises(SettingsError) as refusal:
        server_settings(valid(ostree_gates_directory=str(tmp_path)), NAME)
    assert "a folder of executable files, named with letters, digits, '.', '_' and '-'" in str(refusal.value)
    assert f"'{wrong}' is none, or None" in str(refusal.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="the path of a folder on this machine"):
        server_settings(valid(ostree_gates_directory=str(tmp_path / "none")), NAME)


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, delimiters="=", strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(gates.service_text())
    return parser


def test_the_sandbox_is_nobody_writes_nowhere_else_and_has_no_network() -> None:
    service = unit()["Service"]
    assert service["ExecStart"] == "/usr/sbin/ostree-release run-gate %i"
    assert "User" not in service
    on = {name for name, value in service.items() if value == "yes"}
    assert on >= {
        *("DynamicUser", "NoNewPrivileges", "RestrictSUIDSGID", "RestrictNamespaces", "LockPersonality"),
        *("PrivateNetwork", "PrivateTmp", "PrivateDevices", "ProtectHome", "RemoveIPC"),
        *("ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs", "ProtectControlGroups"),
    }
    assert service["CapabilityBoundingSet"] == service["AmbientCapabilities"] == ""
    assert service["ProtectSystem"] == "strict"
    hidden = service["TemporaryFileSystem"].split()
    assert hidden[:2] == [f"{places.RUN}:ro", f"{places.STATE}:ro"]
    assert [each.split(":")[0] for each in hidden[2:]] == ["/dev/shm"]
    assert service["BindPaths"] == places.GATE_RUNS
    assert service["BindReadOnlyPaths"] == places.GATE_CHECKOUTS
    assert service["KillMode"] == "control-group"
    assert unit()["Unit"]["CollectMode"] == "inactive-or-failed"
    for limit in ("MemoryMax", "LimitDATA", "LimitFSIZE", "TasksMax", "LimitNPROC", "RuntimeMaxSec"):
        assert service[limit], limit


def test_root_opens_nothing_for_the_sandbox_that_the_promoting_user_could_have_put_there() -> None:
    """systemd opens these as root, and follows links; only paths whose parents are root's may be named."""
    text = gates.service_text()
    assert not re.search(
        r"^(Standard(Input|Output|Error)|LoadCredential|EnvironmentFile|OpenFile)", text, re.M
    )
    assert [line for line in text.splitlines() if "%i" in line] == [
        "Description=Gate of your own, run %i",
        "ExecStart=/usr/sbin/ostree-release run-gate %i",
    ]


def test_polkit_allows_one_user_two_verbs_and_names_of_runs_only() -> None:
    text = gates.polkit_text()
    assert 'subject.user === "ostree-prod"' in text
    assert 'action.id === "org.freedesktop.systemd1.manage-units"' in text
    names, verbs = re.findall(r"/(\^.*\$)/", text)
    assert re.fullmatch(verbs, "start")
    assert re.fullmatch(verbs, "stop")
    assert not re.fullmatch(verbs, "restart-or-start")
    run = "0123456789abcdef" * 2
    assert IDENTIFIER.fullmatch(run)
    assert re.fullmatch(names, f"ostree-release-gate@{run}.service")
    for other in (
        f"ostree-release-gate@{run}.socket",
        f"ostree-release-gate@../{run}.service",
        "sshd.service",
    ):
        assert not re.fullmatch(names, other)
    assert text.count("Result.YES") == 1


def test_the_program_knows_where_gates_and_runs_are() -> None:
    settings = server_settings(valid(), NAME)
    configuration = json.loads(release_tool.configuration_text(settings))
    assert configuration["gates_directory"] == places.GATES
    assert f"{configuration['run']}/gates" == places.GATE_RUNS
    assert f"{configuration['state']}/gates/checkouts" == places.GATE_CHECKOUTS
    assert "d /run/ostree-release/gates 0711 ostree-prod ostree-prod -" in release_tool.tmpfiles_text(
        settings
    )


def test_of_a_result_only_the_beginning_is_read(tmp_path: Path) -> None:
    """The sandbox may write as much as it likes, and it is looked at many times a second."""
    result = tmp_path / "result"
    result.write_text(f'{{"run": "{tmp_path.name}", "status": 0, "problem": null}}')
    assert _result(tmp_path) is not None
    with result.open("ab") as file:
        file.truncate(1 << 40)  # more than any memory, and nothing on the disk
    assert _result(tmp_path) is None


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (b"", ""),
        (b"one\ntwo\n\n  \n", "two"),
        (b"a\x1b[31mb\xff", "a [31mb\ufffd"),
        (b"x" * 5000, "x" * 299 + "…"),
        (b"progress 1%\rdone\r\n", "done"),
    ],
)
def test_the_line_for_a_person(output: bytes, line: str) -> None:
    assert last_line(output) == line
