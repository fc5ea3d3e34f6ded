"""No word that somebody gives is run by the shell of a server or client, whatever carries it there."""

from __future__ import annotations

import inspect
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pyinfra.api import FactBase, StringCommand

from tasks.facts.entry_points import approver, composer, promoter
from tasks.operations.remote_script import as_root, quoted, refuse
from tests.unit.every_fact import all_facts, arguments

# Runs something where it stands bare or between quotes of either kind, and breaks none of them.
ODD = "a b; $(touch ran)'$(touch ran)'\"\""
# A command of our own, from the table of platforms.
OURS = {"query": "true"}


def runs(folder: Path, command: str | StringCommand) -> bool:
    """Give a command to a shell that finds one program, and say whether that was started."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "touch").symlink_to(shutil.which("touch") or "touch")
    text = command if isinstance(command, str) else command.get_raw_value()
    subprocess.run(["/bin/sh", "-c", text], cwd=folder, env={"PATH": str(programs)}, capture_output=True)
    return (folder / "ran").exists()


@pytest.mark.parametrize("text", [f"echo {ODD}", f'echo "{ODD}"', f"echo '{ODD}'"], ids=["bare", '"', "'"])
def test_what_is_not_quoted_is_run(tmp_path: Path, text: str) -> None:
    assert runs(tmp_path, text)


@pytest.mark.parametrize("fact", list(all_facts()), ids=lambda fact: fact.__name__)
def test_no_argument_of_a_fact_is_run(tmp_path: Path, fact: type[FactBase[Any]]) -> None:
    odd = arguments(fact, ODD)
    assert set(odd) == set(inspect.signature(fact().command).parameters)
    assert not runs(tmp_path, fact().command(**{name: OURS.get(name) or odd[name] for name in odd}))


@pytest.mark.parametrize(
    "command",
    [
        *(role("sign", ODD, ODD, reason=ODD, build=None) for role in (composer, promoter, approver)),
        as_root("true", ODD, ODD),
        f"true {quoted(ODD, ODD)}",
        refuse(ODD),
    ],
)
def test_no_word_of_a_call_is_run(tmp_path: Path, command: str | StringCommand) -> None:
    assert not runs(tmp_path, command)
