"""README and docs/, as far as a program can read them: what is named is there, what is shown can be typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from lab.__main__ import _parser as lab_parser
from ostree_release import commands
from tasks.settings.declared import ENVIRONMENT, NAMES

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
# Words of a command line that stand for something, or end it.
_ENDS = re.compile(r"[|;&<>#…]|2>")
_PROSE = ("CHANGELOG.md",)  # names what is gone, too


def shown(path: Path) -> Iterator[str]:
    """Yield each line of a fenced or indented block, and each piece of code in a sentence."""
    fenced = False
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield line.strip()
        else:
            yield from re.findall(r"`([^`]+)`", line)


def typed(program: str) -> list[tuple[str, list[str]]]:
    """Return (document, words after the program) of every call of a program that the documents show."""
    found = []
    for path in DOCUMENTS:
        for line in shown(path):
            for match in re.finditer(rf"(?:^|[\s(]|bin/){re.escape(program)} (.+)", line):
                call = _ENDS.split(match[1].replace("\\|", "|"))[0]
                if path.name not in _PROSE and call.strip():
                    found.append((path.name, shlex.split(call)))
    return found


def calls(program: str) -> list[object]:
    """Return what `typed` found as parameters of a test, each once."""
    return [
        pytest.param(words, id=f"{name}: {' '.join(words)}")
        for name, words in dict.fromkeys((name, tuple(words)) for name, words in typed(program))
    ]


@pytest.mark.parametrize("words", calls("ostree-release"))
def test_subcommands_take_what_is_shown(words: tuple[str, ...]) -> None:
    plain = [word.strip("[]") for word in words]
    if plain == ["--help"] or plain[0] not in commands.names():
        assert plain[0] in (*commands.names(), "--help"), f"there is no subcommand {plain[0]}"
        return
    given = [word for word in plain if word != "R"]  # `[--ring R | --through R]` is cut at the bar
    given = ["--ring=R" if word == "--ring" and "R" in plain else word for word in given]
    if len(plain) > 1:  # else it is only named, perhaps without what it needs
        commands.parser(commands.names()).parse_args(given)


def data_names(entry: Path) -> set[str]:
    """Return the names that a file takes with --data, as its docstring and code have them."""
    source = entry.read_text(encoding="utf-8")
    names = set(re.findall(r"given\.\w+\(\"([a-z]+)\"", source))
    return names | set(re.findall(r"\"([a-z]+)\"", " ".join(re.findall(r"for each in \(([^)]*)\)", source))))


@pytest.mark.parametrize("words", calls("pyinfra"))
def test_entry_files_take_what_is_shown(words: tuple[str, ...]) -> None:
    entries = [ROOT / word for word in words if word.endswith(".py") and not word.startswith("inventories/")]
    for entry in entries:
        assert entry.exists(), f"there is no {entry.name}"
        asked = [after for before, after in pairwise(words) if before == "--data"]
        names = {each.partition("=")[0] for each in asked if "=" in each}
        # Not of ours: data of hosts, which pyinfra itself takes.
        names = {name for name in names if not name.startswith(("ssh_", "ostree_"))}
        assert names <= data_names(entry), f"{entry.name} takes only {sorted(data_names(entry))}"


@pytest.mark.parametrize("words", calls("-m lab"))
def test_the_lab_has_what_is_shown(words: tuple[str, ...]) -> None:
    known = next(each.choices for each in lab_parser()._actions if isinstance(each.choices, dict))
    assert words[0] in known, f"the lab has no {words[0]}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_settings_that_are_named_are_there(path: Path) -> None:
    if path.name in _PROSE:
        return
    text = path.read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w/.-])ostree_[a-z0-9_]*[a-z0-9](?![\w*/])", text))
    places = {"ostree_release"}  # a folder
    unknown = {name for name in named - set(NAMES) - places if not name.startswith(ENVIRONMENT.rstrip("_"))}
    assert not unknown, f"{path.name} names settings that are not there: {sorted(unknown)}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        if not file.exists():
            broken.append(target)
        elif anchor and file.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), flags=re.M)
            slugs = {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}
            if anchor not in slugs:
                broken.append(target)
    assert not broken, f"{path.name} links to nothing: {broken}"
