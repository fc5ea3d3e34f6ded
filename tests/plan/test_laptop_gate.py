"""--data gate=PROGRAM: it runs on this machine before anything changes on the server, and can refuse."""

from __future__ import annotations

import json
from pathlib import Path

from tests.plan.fleet import BUILD, PLAN, changes, pyinfra, server


def gate(folder: Path, script: str) -> str:
    path = folder / "run-dev-tests.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return f"gate={path}"


def test_it_is_named_in_a_dry_run_and_not_run(tmp_path: Path) -> None:
    argument = gate(tmp_path, f"touch '{tmp_path}/ran'")
    run = pyinfra(tmp_path, ["promote.py", "--dry", "--json", "--data", argument])
    assert run.code == 0
    assert list(changes(run.document)) == ["Gate run-dev-tests.sh", "Promote to prod/pilot"]
    assert f"gate {tmp_path}/run-dev-tests.sh runs first, on this machine" in run.err
    assert not (tmp_path / "ran").exists()


def test_it_is_told_what_will_be_promoted(tmp_path: Path) -> None:
    argument = gate(tmp_path, f"cat >'{tmp_path}/plan'; env >'{tmp_path}/env'; echo looks fine")
    run = pyinfra(tmp_path, ["promote.py", "-y", "--data", argument])
    assert run.code == 0
    assert json.loads((tmp_path / "plan").read_text()) == PLAN
    told = (tmp_path / "env").read_text().splitlines()
    for variable in ("ENVIRONMENT=prod", "RING=pilot", "VERSION=44.3", f"BUILD={BUILD}"):
        assert f"OSTREE_RELEASE_{variable}" in told
    order = [run.err.index(words) for words in ("looks fine", "gate run-dev-tests.sh passed", "] staging")]
    assert order == sorted(order)


def test_its_refusal_ends_the_run_before_anything_changes(tmp_path: Path) -> None:
    argument = gate(tmp_path, "echo testing; echo sddm does not start; exit 3")
    run = pyinfra(tmp_path, ["promote.py", "-y", "--data", argument])
    assert run.code == 1
    reason = "gate run-dev-tests.sh: sddm does not start; nothing was promoted"
    assert f"    [@fake/server] {reason}" in run.err.splitlines()
    assert "staging" not in run.err


def test_one_that_cannot_be_started_refuses_too(tmp_path: Path) -> None:
    argument = gate(tmp_path, "")
    (tmp_path / "run-dev-tests.sh").write_text("#!/no/such/interpreter\n")
    run = pyinfra(tmp_path, ["promote.py", "-y", "--data", argument])
    assert run.code == 1
    assert "gate run-dev-tests.sh: could not be started: No such file or directory" in run.err
    assert "staging" not in run.err


def test_where_nothing_is_to_be_promoted_it_does_not_run(tmp_path: Path) -> None:
    argument = gate(tmp_path, "exit 1")
    unchanged = {**PLAN, "outcome": "unchanged", "moves": []}
    run = pyinfra(tmp_path, ["promote.py", "-y", "--data", argument], servers=server(unchanged))
    assert run.code == 0


def test_what_is_no_program_is_refused_before_the_server_is_asked(tmp_path: Path) -> None:
    argument = gate(tmp_path, "")
    (tmp_path / "run-dev-tests.sh").chmod(0o644)
    run = pyinfra(tmp_path, ["promote.py", "-y", "--data", argument])
    assert run.code == 1
    assert "must be the path of an executable file: chmod +x it" in run.err
    run = pyinfra(tmp_path, ["promote.py", "-y", "--data", "gate=/no/such/file"])
    assert "--data gate=/no/such/file: must be the path of a file on this machine" in run.err
