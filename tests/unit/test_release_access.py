"""Who is recorded, and which role may run what."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from ostree_release import commands
from ostree_release.__main__ import main
from ostree_release.access import actor, allowed_subcommands, entry
from ostree_release.answers import NEEDS_APPROVAL, Finding, Outcome
from ostree_release.judging.admission import admission
from ostree_release.judging.records import Approval, Run
from ostree_release.policy import Approval as Approvals
from ostree_release.policy import Policy

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


def test_a_key_of_the_ci_stands_for_the_user_that_sudo_served() -> None:
    assert actor.recorded(1, 1, 0, "ci:gitlab SHA256:x") == "ci:gitlab SHA256:x"
    assert actor.recorded(None, 1, 0, "ci:gitlab SHA256:x") == "ci:gitlab SHA256:x"
    assert actor.recorded(0, 1, 0, "ci:gitlab SHA256:x") == f"{ROOT} (as ci:gitlab SHA256:x)"


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
            assert allowed_subcommands.allowed(role, subcommand) == (role == other)


def test_what_the_units_run_is_for_no_role() -> None:
    for role in allowed_subcommands.ROLES:
        assert not allowed_subcommands.allowed(role, "run-compose")
        assert not allowed_subcommands.allowed(role, "")


def test_an_entry_point_leaves_the_callers_environment_and_directory_behind(tmp_path: Path) -> None:
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from ostree_release.access import entry\n"
        "entry.leave_behind(); print(os.getcwd(), sorted(os.environ), os.getenv('GI_TYPELIB_PATH'))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(Path(__file__).parents[2])],
        cwd=tmp_path,
        env={"GI_TYPELIB_PATH": "/tmp/x", "http_proxy": "x", "HOME": "/tmp"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[0] == "/ ['HOME', 'LANG', 'PATH'] None"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can leave root")
def test_what_is_not_composing_is_not_done_as_root() -> None:
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from ostree_release.access import entry; from ostree_release.loading import parse\n"
        "from tests.unit.test_release_config import GOOD\n"
        "GOOD['environments']['prod']['owner'] = sys.argv[2]\n"
        "entry.leave_root(parse(GOOD, 'x')); print(os.getresuid(), os.getgroups(), os.environ['HOME'])"
    )
    command = [sys.executable, "-c", program, str(Path(__file__).parents[2]), DAEMON]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    account = pwd.getpwuid(1)
    assert done.stdout == f"{(1, 1, 1)} {[account.pw_gid]} {account.pw_dir}\n"


def test_only_composing_and_changing_keys_is_done_as_root() -> None:
    """And run-gate, which refuses root: it must not run outside its sandbox as the owner instead."""
    root = {"compose", "run-compose", "keys introduce", "keys use", "keys withdraw"}
    assert root | {"run-gate"} == allowed_subcommands.NEEDS_ROOT


@pytest.mark.parametrize("text", ["a\nb", "a\x00", "\x1b[2J", "\u202eabc", "\udcff", "\u2028", "x" * 4001])
def test_an_argument_is_one_line_that_can_be_shown(text: str) -> None:
    assert not entry.are_plain(["promote", "--reason", text])


def test_plain_arguments_may_be_in_any_language() -> None:
    assert entry.are_plain(["approve", "44.1", "--reason", "Größe geprüft, 承認"])


@pytest.mark.parametrize(
    ("composer", "approver", "counts"),
    [
        ("alice", "bob", True),
        ("alice", "alice", False),
        ("alice", "alice (as bob)", False),
        ("bob", "alice (as bob)", False),
        ("alice (as carl)", "bob (as alice)", False),
        ("ci:gitlab SHA256:x", "alice", True),
        (None, "alice", True),
    ],
)
def test_becoming_somebody_else_does_not_make_another_approver(
    composer: str | None, approver: str, counts: bool
) -> None:
    finding = Finding("removed:tool-1-1", NEEDS_APPROVAL, "tool is removed")
    run = Run("c", "pilot", None, "p", (Outcome("diff", (finding,), "x"),))
    approval = Approval(approver, "because", 2, frozenset({finding.id}), frozenset())
    policy = Policy(approval=Approvals(by_another=True))
    assert (admission(run, [approval], policy, 1, composer).open == ()) == counts


@pytest.mark.parametrize("role", allowed_subcommands.ROLES)
@pytest.mark.parametrize(
    "words", ["introduce new", "--to prod use x", "withdraw x", "introduce --json new", "--json withdraw x"]
)
def test_keys_are_listed_by_roles_and_changed_by_root(
    role: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", *words.split()], role=role) == 2
    assert "not for the role" in capsys.readouterr().err


def test_no_role_can_name_a_file() -> None:
    (subcommands,) = [
        each for each in commands.parser(commands.names())._actions if isinstance(each.choices, dict)
    ]
    assert isinstance(subcommands.choices, dict)
    for role, allowed in allowed_subcommands.ROLES.items():
        assert allowed <= set(subcommands.choices)
        for name in allowed:
            options = {action.dest for action in subcommands.choices[name]._actions}
            assert not options & {"config", "directory", "file", "input", "output", "path", "treefile"}, (
                f"{role} runs {name} as another user: it must not name files for it"
            )
