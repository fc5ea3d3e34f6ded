"""tasks/approve.py, tasks/hold.py and a hotfix through pyinfra's command line, on a server on paper."""

from __future__ import annotations

from pathlib import Path

from tests.command_output import answered
from tests.plan.fleet import APPROVAL, PLAN, changes, pyinfra, server, typed

APPROVE = ["tasks/approve.py", "--data", "version=v44.3", "--data", "reason=not used any more"]


def test_what_the_gates_found_is_shown_before_it_is_approved(tmp_path: Path) -> None:
    run = pyinfra(tmp_path, [*APPROVE, "--dry", "--json"])
    assert run.code == 0
    assert changes(run.document) == {"Approve v44.3 for prod": ["@fake/server"]}
    assert "gate diff: needs-approval: removed tool 5.0" in run.err


def test_approval_names_what_is_missing(tmp_path: Path) -> None:
    run = pyinfra(tmp_path, ["tasks/approve.py", "-y"])
    assert run.code == 1
    assert "--data version=...: is needed here" in run.err
    assert "--data reason=...: is needed here" in run.err


def test_nothing_to_approve_is_no_change(tmp_path: Path) -> None:
    answers = server()
    answers["approver approve"] = answered({**APPROVAL, "findings": []})
    run = pyinfra(tmp_path, [*APPROVE, "-y", "--json"], servers=answers)
    assert run.code == 0
    assert changes(run.document) == {}
    assert "Nothing to approve: 44.3 (ffffffffffff) for prod/pilot" in run.err


def test_what_is_held_is_listed(tmp_path: Path) -> None:
    run = pyinfra(tmp_path, ["tasks/hold.py", "-y"])
    assert run.code == 0
    assert "package x-1-1: crashes (bob, 2026-01-02)" in run.err


def test_a_hold_needs_a_reason_and_one_thing(tmp_path: Path) -> None:
    run = pyinfra(tmp_path, ["tasks/hold.py", "-y", "--data", "package=x-1-1"])
    assert (run.code, "--data reason=...: is needed here" in run.err) == (1, True)
    both = ["--data", "package=x-1-1", "--data", "build=v44.3", "--data", "reason=x"]
    run = pyinfra(tmp_path, ["tasks/hold.py", "-y", *both])
    assert (run.code, "--data build and package: give one of them" in run.err) == (1, True)


def test_a_hold_is_an_operation(tmp_path: Path) -> None:
    wanted = ["--data", "package=x-1-1", "--data", "reason=crashes"]
    run = pyinfra(tmp_path, ["tasks/hold.py", "--dry", "--json", *wanted])
    assert changes(run.document) == {"Hold package x-1-1": ["@fake/server"]}
    run = pyinfra(tmp_path, ["tasks/hold.py", "--dry", "--json", *wanted, "--data", "release=yes"])
    assert changes(run.document) == {"Release package x-1-1": ["@fake/server"]}


def test_a_hotfix_needs_a_reason(tmp_path: Path) -> None:
    run = pyinfra(tmp_path, ["promote.py", "-y", "--data", "through=stable"])
    assert (run.code, "--data reason=...: is needed here" in run.err) == (1, True)
    both = ["--data", "through=stable", "--data", "ring=stable", "--data", "reason=x"]
    run = pyinfra(tmp_path, ["promote.py", "-y", *both])
    assert (run.code, "--data ring and through: give one of them" in run.err) == (1, True)


def test_a_plan_shows_what_needs_approval_and_the_command(tmp_path: Path) -> None:
    command = f"{typed(tmp_path)} tasks/approve.py -y --data version=44.3 --data reason=WHY"
    known = {
        "results": [],
        "open": ["gate diff needs approval: removed tool 5.0"],
        "approve": {"task": "approve", "data": {"version": "44.3", "reason": "WHY"}},
    }
    hold = {"kind": "package", "label": "x-1-1", "reason": "crashes", "actor": "bob"}
    hold |= {"time": "2026-01-02T03:04:05Z"}
    plan = {**PLAN, "gates": {"pilot": known}, "held": [hold]}
    run = pyinfra(tmp_path, ["promote.py", "--dry"], servers=server(plan))
    assert run.code == 0
    for shown in (
        "removed tool 5.0",
        f"To let it through: {command}",
        "HELD package x-1-1: crashes (bob, 2026-01-02)",
    ):
        assert shown in run.err
