"""What a server says cannot be read: the reason is said, nothing is decided by it, and nothing is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command_line import ROOT, pyinfra
from tests.command_output import said

ENTRY = """\
from tasks.pyinfra_gaps.one_line import one_line
from tasks.operations import accounts

with one_line():
    accounts.present(name="Accounts", user="anna", home="/h")
"""
TOGETHER = """\
from tasks.facts.together import ask_together, first_questions
from tasks.operations import units
from tasks.pyinfra_gaps.one_line import one_line
from tasks.operations import accounts

with one_line():
    accounts.present(name="Accounts", user="anna", home="/h")
    units.running(name="Units", started=["a.service"])
    ask_together(first_questions())
"""
GOOD = said("== passwd", "anna:x:1:1::/:/bin/sh", "== group", "anna:x:1:")
REASON = "getent printed a line that is none of its own: 'null'"


@pytest.mark.parametrize("how", ["--dry", "-y"])
@pytest.mark.parametrize("names", [("bad",), ("bad", "good"), ("good", "bad")])
def test_a_run_ends_without_a_traceback_and_without_a_change(
    tmp_path: Path, how: str, names: tuple[str, ...]
) -> None:
    answers = {"bad": said("== passwd", "null", "== group"), "good": GOOD}
    quick = {"fake_delay": 0, "fake_delay_jitter": 0, "ostree_public_name": "images.lab"}
    hosts = [(f"@fake/{name}", {**quick, "fake_responses": {"getent": answers[name]}}) for name in names]
    (tmp_path / "fleet.py").write_text(f"image_servers = {hosts!r}\n")
    (tmp_path / "entry.py").write_text(ENTRY)
    run = pyinfra("--chdir", str(ROOT), str(tmp_path / "fleet.py"), str(tmp_path / "entry.py"), how, "-vvv")
    assert run.code == 1
    assert "Traceback" not in run.err
    assert f"FactProcessError: {REASON}" in run.err
    assert "groupadd" not in run.err
    assert "useradd" not in run.err


@pytest.mark.parametrize("together", [[*said("== passwd", "null", "== group"), *said()], said()])
def test_what_was_asked_together_and_cannot_be_read_ends_a_run_as_well(
    tmp_path: Path, together: list[str]
) -> None:
    answers = {"|| true\n{": together, "getent": said("== passwd", "null", "== group")}
    data = {"fake_delay": 0, "fake_delay_jitter": 0, "ostree_public_name": "images.lab"}
    host = ("@fake/bad", {**data, "fake_responses": answers})
    (tmp_path / "fleet.py").write_text(f"image_servers = {[host]!r}\n")
    (tmp_path / "entry.py").write_text(TOGETHER)
    run = pyinfra("--chdir", str(ROOT), str(tmp_path / "fleet.py"), str(tmp_path / "entry.py"), "-y", "-vvv")
    assert run.code == 1
    assert "Traceback" not in run.err
    assert "(questions=[Accounts, Units])" in run.err
    assert f"FactProcessError: {REASON}" in run.err
    assert "groupadd" not in run.err
    assert "systemctl start" not in run.err
