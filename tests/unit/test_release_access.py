"""Who is recorded, and which role may run what."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from ostree_release.access import actor, roles

ROOT = pwd.getpwuid(0).pw_name
DAEMON = pwd.getpwuid(1).pw_name
NOBODY = 3999999999


@pytest.mark.parametrize(
    ("login", "sudo", "effective", "name"),
    [
        (1, 1, 0, DAEMON),
        (1, None, 0, DAEMON),
        (None, 1, 0, DAEMON),
        (None, None, 0, ROOT),
        (1, 0, 0, f"{DAEMON} (as {ROOT})"),
        (NOBODY, 1, 0, f"{NOBODY} (as {DAEMON})"),
        (0, 1, 1, f"{ROOT} (as {DAEMON})"),
    ],
)
def test_the_login_counts_then_whom_sudo_served_and_neither_hides_the_other(
    login: int | None, sudo: int | None, effective: int, name: str
) -> None:
    assert actor.recorded(login, sudo, effective) == name


def test_a_login_uid_that_was_never_set_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "loginuid"
    monkeypatch.setattr(actor, "_LOGIN_UID", file)
    assert actor.current({"SUDO_UID": "1"}) == DAEMON
    file.write_text("4294967295")
    assert actor.current({"SUDO_UID": "1"}) == DAEMON
    file.write_text("1\n")
    assert actor.current({"SUDO_UID": "0"}) == f"{DAEMON} (as {ROOT})"


@pytest.mark.parametrize("text", ["", "x", "-1", "1 ", "¹", "0x0", "1\n2"])
def test_what_is_no_number_is_nobody(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actor, "_LOGIN_UID", tmp_path / "none")
    assert actor.current({"SUDO_UID": text}) == pwd.getpwuid(os.geteuid()).pw_name


def test_names_in_the_environment_are_nobodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actor, "_LOGIN_UID", tmp_path / "none")
    told = {"SUDO_USER": "mallory", "USER": "mallory", "LOGNAME": "mallory"}
    assert "mallory" not in actor.current(told)


def test_two_names_are_two_people() -> None:
    assert actor.people("alice") == {"alice"}
    assert actor.people("alice (as bob)") == {"alice", "bob"}


OWN = {
    "composer": {"compose"},
    "promoter": {"stage", "check", "sign", "publish", "promote"},
    "approver": {"approve", "hold"},
}


@pytest.mark.parametrize("role", OWN)
def test_no_role_has_anothers_work(role: str) -> None:
    for other, subcommands in OWN.items():
        for subcommand in subcommands:
            assert roles.allowed(role, subcommand) == (role == other)


def test_what_the_units_run_is_for_no_role() -> None:
    for role in roles.ROLES:
        assert not roles.allowed(role, "run-compose")
        assert not roles.allowed(role, "")
