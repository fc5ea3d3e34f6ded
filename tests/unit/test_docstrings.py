"""Docstrings speak one dialect, and every operation and fact has an example that could be run."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("ostree_release", "tasks", "lab")
Documented = ast.FunctionDef | ast.ClassDef


def documented() -> Iterator[tuple[str, Documented]]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, Documented) and ast.get_docstring(node):
                    yield f"{path.relative_to(ROOT)}:{node.name}", node


def shown_by_example() -> Iterator[tuple[str, Documented]]:
    for name, node in documented():
        marks = node.decorator_list if isinstance(node, ast.FunctionDef) else node.bases
        kinds = [ast.unparse(mark).partition("[")[0].partition("(")[0] for mark in marks]
        if {"operation", "FactBase", "Reading"} & {*kinds} and node.name != "Reading":
            yield name, node


def within_the_text(node: Documented) -> set[str]:
    """Return the arguments or fields that a sentence goes on with, instead of a line each."""
    if isinstance(node, ast.FunctionDef):
        names = {each.arg for each in [*node.args.args, *node.args.kwonlyargs]}
    else:
        fields = [each.target for each in node.body if isinstance(each, ast.AnnAssign)]
        names = {each.id for each in fields if isinstance(each, ast.Name)}
    text = ast.get_docstring(node) or ""
    return names & set(re.findall(r"(?:^|[;.] )(\w+): ", text, re.MULTILINE))


def parameters(node: Documented) -> set[str]:
    if isinstance(node, ast.FunctionDef):
        return {each.arg for each in node.args.args} | {"name"}
    commands = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "command"]
    return {each.arg for command in commands for each in command.args.args}


def test_arguments_are_said_in_one_way() -> None:
    """As pyinfra's own operations and facts do: a line "+ name: meaning" each."""
    other = re.compile(r"^ *(Args|Returns|Raises|Yields|Parameters|Arguments):$|^ *:param ", re.MULTILINE)
    assert [name for name, node in documented() if other.search(ast.get_docstring(node) or "")] == []
    assert [name for name, node in documented() if within_the_text(node)] == []


@pytest.mark.parametrize("node", [pytest.param(node, id=name) for name, node in shown_by_example()])
def test_an_operation_or_fact_has_an_example_with_its_own_arguments(node: Documented) -> None:
    text = ast.get_docstring(node) or ""
    _, found, code = text.partition("**Example:**\n\n.. code:: python\n\n")
    assert found
    statement = ast.parse(textwrap.dedent(code)).body[-1]
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Call)
    assert {each.arg for each in statement.value.keywords} <= parameters(node)
    called = {ast.unparse(each) for each in (statement.value.func, *statement.value.args)}
    assert any(each.rpartition(".")[2] == node.name for each in called)
