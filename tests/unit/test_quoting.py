"""No word that somebody gives is run by the shell of a server or client, whatever carries it there."""

from __future__ import annotations

import inspect
import pkgutil
import shutil
import subprocess
import types
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from pyinfra.api import FactBase, StringCommand

from tasks import facts
from tasks.operations.remote_script import as_root, quoted, refuse
from tasks.release_commands import approver, composer, promoter

# Runs something where it stands bare or between quotes of either kind, and breaks none of them.
ODD = "a b; $(touch ran)'$(touch ran)'\"\""
# A command of our own, from the table of platforms.
OURS = {"query": "true"}


def all_facts() -> Iterator[type[FactBase[Any]]]:
    for each in pkgutil.iter_modules(facts.__path__):
        module = import_module(f"tasks.facts.{each.name}")
        for found in vars(module).values():
            if inspect.isclass(found) and issubclass(found, FactBase) and found.__module__ == module.__name__:
                yield found


def odd(kind: Any) -> Any:
    """Return a value of a kind of argument, with the odd word wherever there is a word."""
    if get_origin(kind) in (Union, types.UnionType):
        (kind,) = (each for each in get_args(kind) if each is not type(None))
    if get_origin(kind) is list:
        return [odd(get_args(kind)[0])] * 4
    if get_origin(kind) is dict:
        return {ODD: odd(get_args(kind)[1])}
    assert kind is str, f"{kind}: say here what an odd one is"
    return ODD


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
    kinds = {name: kind for name, kind in get_type_hints(fact.command).items() if name != "return"}
    assert set(kinds) == set(inspect.signature(fact().command).parameters)
    arguments = {name: OURS.get(name) or odd(kind) for name, kind in kinds.items()}
    assert not runs(tmp_path, fact().command(**arguments))


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
