"""Which programs a shell script starts, by the syntax tree that tree-sitter makes of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

_PARSER = Parser(Language(tree_sitter_bash.language()))
_BUILTINS = (
    "[ : . break cd command continue echo eval exec exit export false getopts hash kill printf pwd read"
    " readonly return set shift test times trap true type ulimit umask unset wait"
)
# What starts another program: its options that take a word of their own.
_WRAPPERS = {
    "exec": "",
    "nice": "n",
    "runuser": "u",
    "ssh": "iop",
    "sudo": "ug",
    "timeout": "ks",
    "xargs": "IPnLd",
}


@dataclass
class Script:
    """What a shell script starts, and the functions that it defines."""

    programs: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)


def read(text: str) -> Script:
    """Read a script.

    Args:
        text: shell. Names of programs that are only known when it runs, such as "$2", are left out.

    Returns:
        The names of programs, without their folders, and of functions.

    Raises:
        ValueError: it is no shell script.
    """
    found = Script()
    for node in _nodes(_PARSER.parse(text.encode()).root_node):
        if node.type == "ERROR" or node.is_missing:
            raise ValueError(f"not understood: {_text(node)!r} in {text!r}")
        if node.type == "function_definition":
            name = node.child_by_field_name("name")
            assert name is not None
            found.functions.add(_text(name))
        elif node.type == "command" and node.child_by_field_name("name") is not None:
            words = [_text(child) for child in node.children if not child.type.endswith("_redirect")]
            _started([word for word in words if not re.match(r"\w+=", word)], found)
    found.programs -= found.functions
    return found


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _nodes(child)


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def _started(words: list[str], found: Script) -> None:
    """Note the program of one command, and what it starts in turn."""
    if not words or words[0][:1] in ("$", '"', "'"):
        return
    name = words[0].rpartition("/")[2]
    if name not in _BUILTINS.split():
        found.programs.add(name)
    if name in _WRAPPERS:
        _started(_operands(words[1:], _WRAPPERS[name], leave=1 if name in ("ssh", "timeout") else 0), found)
    elif name == "find":
        for number, word in enumerate(words):
            if word in ("-exec", "-execdir", "-ok"):
                _started(words[number + 1 :], found)
    elif name == "sh" and "-c" in words:
        inner = read(" ".join(shlex.split(words[words.index("-c") + 1])))
        found.programs |= inner.programs


def _operands(words: list[str], with_value: str, leave: int) -> list[str]:
    """Leave out leading options, with the word that some take, and so many operands after them."""
    rest = list(words)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option == "--":
            break
        if rest and len(option) == 2 and option[1] in with_value:
            rest.pop(0)
    return _operands(rest[leave:], with_value, 0) if leave else rest
