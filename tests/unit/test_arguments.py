"""--data arguments: text stays text, switches are switches, and nothing unknown is let through."""

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyinfra_cli.util import parse_cli_arg  # type: ignore[import-untyped]

from tasks.pyinfra_gaps.arguments import Arguments


def parse(*arguments: str) -> dict[str, Any]:
    """Take the arguments of an imagined file, read from a command line as pyinfra reads it."""
    pairs = [argument.partition("=") for argument in arguments]
    with Arguments({name: parse_cli_arg(value) for name, _, value in pairs}) as given_:
        return {
            "to": given_.name("to", default="prod"),
            "ring": given_.name("ring"),
            "build": given_.build("build"),
            "follow": given_.follows("follow"),
            "reason": given_.text("reason"),
            "reboot": given_.switch("reboot"),
        }


def refusals(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[str]:
    monkeypatch.setattr(sys, "argv", ["pyinfra", "inventory.py", "promote.py", *arguments])
    with pytest.raises(SystemExit) as error:
        parse(*arguments)
    return str(error.value).splitlines()


def test_defaults() -> None:
    assert parse() == {
        "to": "prod",
        "ring": None,
        "build": None,
        "follow": None,
        "reason": None,
        "reboot": False,
    }


def test_given() -> None:
    found = parse(
        'build="42.20250106"', "to=qa", "ring=stable", "follow=qa/pilot", "reason=it's = fine", "reboot=yes"
    )
    assert found == {
        "to": "qa",
        "ring": "stable",
        "build": "42.20250106",
        "follow": "qa/pilot",
        "reason": "it's = fine",
        "reboot": True,
    }
    assert parse("build=42.20250106.0")["build"] == "42.20250106.0"


@pytest.mark.parametrize(
    ("argument", "kind"),
    [
        ("build=42.20250106", "a number"),
        ("build=0123", "a number"),
        ("build=12e4", "a number"),
        ("build=1_0", "a number"),
    ],
)
def test_a_number_where_text_is_due_is_refused_with_its_quoting(
    monkeypatch: pytest.MonkeyPatch, argument: str, kind: str
) -> None:
    name, _, text = argument.partition("=")
    hint = f"""--data '{name}="{text}"'"""
    assert refusals(monkeypatch, argument) == [
        f"--data {argument}: must be text, and pyinfra reads this as {kind}; type it as: {hint}"
    ]
    # What the hint says works.
    assert parse(f'{name}="{text}"')[name] == text


@pytest.mark.parametrize(
    ("argument", "part"),
    [
        ("to=null", "reads this as nothing; type it as: --data 'to=\"null\"'"),
        ("to=true", "reads this as true or false"),
        ("build=[1,2]", "must be a version or a checksum"),
        ('reason={"a":1}', "reads this as a dictionary"),
        ("to=", "must be letters"),
        ("to=a/b", "must be letters"),
        ("build=-x", "must be a version or a checksum"),
        ("follow=a/b/c", "must be a composed environment"),
        ("reason=", "must be text on one line"),
        ("reason=a\nb", "must be text on one line"),
        ("reason=a\x1bb", "must be text on one line"),
        ("reboot=maybe", "must be yes, no, true or false"),
        ("reboot=1", "must be yes, no, true or false"),
        ("reboot=null", "must be yes, no, true or false"),
        ("rebot=yes", "there is no such argument; did you mean reboot?"),
        ("x=1", "there is no such argument; arguments here: build, follow, reason, reboot, ring, to"),
    ],
)
def test_refusals(monkeypatch: pytest.MonkeyPatch, argument: str, part: str) -> None:
    (line,) = refusals(monkeypatch, argument)
    assert part in line


def test_all_problems_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(refusals(monkeypatch, "to=1", "build=2", "reboot=3", "xyz=4")) == 4


def test_what_belongs_to_pyinfra_and_the_settings_is_let_through() -> None:
    assert parse("ssh_user=me", "ssh_port=22", "_sudo_user=root", "ostree_https_port=9443")["to"] == "prod"


@pytest.mark.parametrize("word", ["yes", "no", "true", "false", "Yes", "NO", "True", "FALSE"])
def test_switches(word: str) -> None:
    assert parse(f"reboot={word}")["reboot"] is (word.lower() in ("yes", "true"))


def test_an_error_in_the_block_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), Arguments({"unknown": 1}):
        raise ZeroDivisionError


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["to", "build", "follow", "reason", "reboot", "other"]), st.text(max_size=12))
def test_anything_is_taken_as_typed_or_refused_on_one_line(name: str, text: str) -> None:
    try:
        found = parse(f"{name}={text}")[name]
    except SystemExit as error:
        assert str(error).count("\n") == 0  # noqa: PT017 (both outcomes are right)
    else:
        assert found == text or isinstance(found, bool) or f'"{found}"' == text.strip()
