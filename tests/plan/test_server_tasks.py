"""promote.py and tasks/compose.py through pyinfra's command line, on a server that exists on paper."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ostree_release.words.render import render
from tests.command_line import PROGRAM, ROOT
from tests.command_output import answered, said
from tests.plan.fleet import BUSY, GONE, GOOD, PLAN, PROMOTED, changes, pyinfra, server, typed


def test_a_promotion_is_shown_before_it_happens(tmp_path: Path) -> None:
    run = pyinfra(tmp_path, ["promote.py", "--dry", "--json"], {"good1": GOOD})
    assert run.code == 0
    assert changes(run.document) == {"Promote to prod/pilot": ["@fake/server"]}
    for shown in (
        "build 44.3",
        "serial 3",
        "44.2 (bbbbbbbbbbbb) -> 44.3",
        "hello 1.0-1 -> 2.0-1",
        "newtool 1.0-1",
    ):
        assert shown in run.err


def test_a_promotion_ends_with_what_is_where_by_whom_and_what_is_next(tmp_path: Path) -> None:
    run = pyinfra(tmp_path, ["promote.py", "-y"])
    assert run.code == 0
    assert "[@fake/server] staging" in run.err
    assert "Promoted: prod/pilot has 44.3 (ffffffffffff), build 44.3, by alice" in run.err
    assert "prod has now: pilot 44.3, stable 44.1" in run.err
    clients = f"{typed(tmp_path)} tasks/upgrade.py -y --data reboot=yes --limit CLIENTS"
    assert (
        f"Next: {clients}; when they are well: {typed(tmp_path)} promote.py -y --data ring=stable" in run.err
    )
    assert "=== answer" not in run.err


def test_what_to_type_next_is_what_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}")
    run = pyinfra(tmp_path, ["promote.py", "-y"])
    assert f": pyinfra {tmp_path}/fleet.py promote.py -y --data ring=stable" in run.err
    refusal = {"error": "not let through: pyinfra INVENTORY tasks/approve.py -y --data version=44.3"}
    run = pyinfra(tmp_path, ["promote.py", "-y"], servers=server(promotion=refusal))
    assert f"not let through: pyinfra {tmp_path}/fleet.py tasks/approve.py -y" in run.err


def test_nothing_to_promote_is_no_change(tmp_path: Path) -> None:
    unchanged = {**PLAN, "outcome": "unchanged", "moves": []}
    run = pyinfra(tmp_path, ["promote.py", "-y", "--json"], servers=server(unchanged))
    assert run.code == 0
    assert [each["success"] for each in run.document["results"]["operations"]] == [[]]
    assert "Nothing to do: prod/pilot has 44.3" in run.err


def test_a_refused_plan_fails_in_one_line_dry_or_not(tmp_path: Path) -> None:
    refusal = "build 44.9: there is no such build"
    for how in ("--dry", "-y"):
        run = pyinfra(
            tmp_path,
            ["promote.py", how, "--data", "build=v44.9"],
            servers={"--plan": answered({"error": refusal})},
        )
        assert run.code == 1
        assert [line for line in run.err.splitlines() if refusal in line] == [f"    [@fake/server] {refusal}"]


REFUSALS = {
    "a number where a version is due": ("build=44.20250106", "--data 'build=\"44.20250106\"'"),
    "an unknown argument": ("bild=44.20250106.0", "--data bild=44.20250106.0: there is no such argument"),
    "a version with a slash": ("build=../../etc", "--data build=../../etc: must be a version or a checksum"),
    "an option in disguise": ("build=--help", "--data build=--help: must be a version or a checksum"),
}
"""What needs no server to be refused; what only it can know is in tests/integration/test_30_promote.py."""


@pytest.mark.parametrize("case", REFUSALS)
def test_a_bad_argument_is_one_clear_error(tmp_path: Path, case: str) -> None:
    given, said = REFUSALS[case]
    run = pyinfra(tmp_path, ["promote.py", "-y", "--data", given], servers={})
    assert run.code == 1
    assert len([line for line in run.err.splitlines() if said in line]) == 1, run.err
    assert "said nothing" not in run.err, "the server was asked"


def test_a_refused_plan_as_json_is_one_document(tmp_path: Path) -> None:
    run = pyinfra(
        tmp_path, ["promote.py", "-y", "--json"], servers={"--plan": answered({"error": "no such build"})}
    )
    assert run.code == 1
    assert run.document["results"]["failed_hosts"] == ["@fake/server"]


def test_a_promotion_refused_by_the_server_is_a_failed_operation(tmp_path: Path) -> None:
    refused = {"error": "prod is locked by bob (promote)"}
    run = pyinfra(tmp_path, ["promote.py", "-y"], servers=server(promotion=refused))
    assert run.code == 1
    assert "    [@fake/server] prod is locked by bob (promote)" in run.err.splitlines()
    assert "[@fake/server] Error: executed 0 commands" in run.err


def test_clients_are_left_alone_even_when_they_do_not_answer(tmp_path: Path) -> None:
    run = pyinfra(tmp_path, ["promote.py", "-y"], {"gone1": GONE, "busy1": BUSY})
    assert run.code == 0


def test_without_a_server_one_line_says_so(tmp_path: Path) -> None:
    for entry in ("promote.py", "tasks/compose.py"):
        run = pyinfra(tmp_path, [entry, "-y", "--limit", "clients"], {"good1": GOOD})
        assert run.code == 1
        assert "No repository server in this run" in run.err


def test_a_compose_says_what_there_is_before_and_after(tmp_path: Path) -> None:
    run = pyinfra(tmp_path, ["tasks/compose.py", "-y"])
    assert run.code == 0
    assert "dev has 44.3 aaaaaaaaaaaa" in run.err
    assert "[@fake/server] compose output" in run.err
    assert "No changes; the newest build is 44.3 (aaaaaaaaaaaa) of dev, for alice" in run.err


def test_what_promotes_is_not_composed(tmp_path: Path) -> None:
    refusal = {"error": "prod is not composed: it gets its images by promotion from dev"}
    answers = server() | {"composer builds": answered(refusal)}
    run = pyinfra(tmp_path, ["tasks/compose.py", "-y", "--data", "environment=prod"], servers=answers)
    assert run.code == 1
    assert "prod is not composed: it gets its images by promotion from dev" in run.err


def test_from_another_folder_with_chdir(tmp_path: Path) -> None:
    run = pyinfra(tmp_path, ["--chdir", str(ROOT), "promote.py", "--dry", "--json"], cwd=tmp_path)
    assert run.code == 0
    assert changes(run.document) == {"Promote to prod/pilot": ["@fake/server"]}


def test_the_changelog_is_printed_as_the_server_says_it(tmp_path: Path) -> None:
    entry = {"version": "44.2", "checksum": "b" * 64, "serial": 2, "previous": "44.1", "composed": None}
    lists: dict[str, Any] = {name: [] for name in ("rings", "gates", "approvals", "holds", "advisories")}
    packages = {**PROMOTED["packages"], "added": []}
    found = {"environment": "prod", "ring": None, "releases": [{**entry, **lists, "packages": packages}]}
    answers = {"changelog": [*said(errors=["sudo: a password is required"], status=1), *answered(found)]}
    run = pyinfra(tmp_path, ["tasks/changelog.py", "-y", "--data", "format=markdown"], servers=answers)
    assert run.code == 0
    lines = run.out.splitlines()
    assert lines == render("changelog-markdown", found)
    assert [lines[0], lines[-1]] == ["# Changelog of prod", "- upgraded hello 1.0-1 -> 2.0-1"]


def test_a_refused_changelog_fails_in_one_line(tmp_path: Path) -> None:
    refusal = "ring 'beta': prod has no such ring, only pilot, stable"
    answers = {"changelog": said(errors=[f"ostree-release: {refusal}"], status=1)}
    run = pyinfra(tmp_path, ["tasks/changelog.py", "-y", "--data", "ring=beta"], servers=answers)
    assert run.code == 1
    assert refusal in run.err
    run = pyinfra(tmp_path, ["tasks/changelog.py", "-y", "--data", "format=html"])
    assert run.code == 1
    assert "format=html: must be text, markdown or json" in run.err
