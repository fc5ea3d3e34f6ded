"""The journal: its chain, a torn line, intents and their ends."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ostree_release import journal as journals
from ostree_release.errors import Refused
from ostree_release.journal import START, Journal, interrupted
from ostree_release.judging.records import composer
from ostree_release.model import Move
from ostree_release.proof import chain

MOVE = Move("os/pilot", None, "c1")


def unlinked(content: bytes) -> list[int]:
    return chain.unlinked(chain.lines(content))


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    (tmp_path / "journal").touch()
    path = tmp_path / "journal.jsonl"
    path.touch()
    return Journal(path, tmp_path)


def test_every_line_names_the_one_before(journal: Journal) -> None:
    assert journal.head() == START
    first = journal.append({"event": "a"})
    second = journal.append({"event": "b"})
    assert [entry["previous"] for entry in journal.entries()] == [START, first]
    assert journal.head() == second
    assert unlinked(journal.path.read_bytes()) == []


def test_a_changed_line_breaks_the_chain(journal: Journal) -> None:
    for number in range(3):
        journal.append({"event": "a", "number": number})
    content = journal.path.read_bytes()
    assert unlinked(content.replace(b'"number": 1', b'"number": 7')) == [3]
    lines = content.splitlines(keepends=True)
    assert unlinked(lines[0] + lines[2]) == [2]


@pytest.mark.parametrize("torn", [b"", b"{" * (3 << 20)])
@pytest.mark.parametrize("size", [1 << 16, (1 << 20) + 1, 5 << 20])
def test_a_very_long_line_is_a_link_like_any_other(journal: Journal, size: int, torn: bytes) -> None:
    journal.append({"event": "a"})
    head = journal.append({"event": "long", "words": "x" * size})
    with journal.path.open("ab") as file:
        file.write(torn)
    assert journal.head() == head
    last = journal.append({"event": "c"})
    assert journal.head() == last
    assert unlinked(journal.path.read_bytes()) == []


@pytest.mark.parametrize("torn", [b"{", b'{"event": "b", "previo', b'{"event": "whole"}'])
def test_a_torn_line_stays_and_the_chain_goes_on(journal: Journal, torn: bytes) -> None:
    head = journal.append({"event": "a"})
    with journal.path.open("ab") as file:
        file.write(torn)
    assert journal.head() == head
    journal.append({"event": "c"})
    content = journal.path.read_bytes()
    assert torn + b"\n" in content
    assert [entry["event"] for entry in journal.entries()][-1] == "c"
    assert len(unlinked(content)) == (1 if torn.endswith(b"}") else 0), (
        "a whole line without its chain is no entry"
    )


def test_what_was_read_is_not_read_again(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.append({"event": "a"})
    assert [entry["event"] for entry in journal.entries()] == ["a"]
    read = journal.path.stat().st_size
    with journal.path.open("ab") as file:
        file.write(b'{"event": "torn"')  # no line yet: it may go on
    Journal(journal.path, journal.run).append({"event": "b"})
    begins: list[int] = []
    whole = journals._everything

    def everything(descriptor: int, begin: int, end: int) -> bytes:
        begins.append(begin)
        return whole(descriptor, begin, end)

    monkeypatch.setattr(journals, "_everything", everything)
    assert [entry["event"] for entry in journal.entries()] == ["a", "b"]
    assert journal.entries() == Journal(journal.path, journal.run).entries()
    assert begins[0] == read
    journal.path.write_bytes(b"")
    assert journal.entries() == []


def test_a_move_has_an_intent_and_an_end(journal: Journal) -> None:
    with journal.move("anna", "promote", "prod", [MOVE], version="1"):
        assert len(interrupted(journal.entries(), "prod")) == 1
        assert interrupted(journal.entries(), "qa") == []
    intent, done = journal.entries()
    assert (intent["event"], done["event"], done["intent"]) == ("intent", "done", intent["hash"])
    assert done["moves"] == [{"ref": "os/pilot", "from": None, "to": "c1"}]
    assert (done["actor"], done["version"]) == ("anna", "1")
    assert interrupted(journal.entries(), "prod") == []


def test_a_refused_move_says_why(journal: Journal) -> None:
    with pytest.raises(Refused), journal.move("anna", "promote", "prod", [MOVE]):
        raise Refused("the disk is full")
    assert [(entry["event"], entry.get("reason")) for entry in journal.entries()] == [
        ("intent", None),
        ("failed", "the disk is full"),
    ]


@pytest.mark.parametrize(
    ("refs", "moves", "event"),
    [({"os/pilot": "c1"}, [MOVE], "done"), ({"os/pilot": "c0"}, [MOVE], "failed"), ({}, [], "failed")],
)
def test_interruptions_are_settled_by_what_the_refs_say(
    journal: Journal, refs: dict[str, str], moves: list[Move], event: str
) -> None:
    with pytest.raises(KeyboardInterrupt), journal.move("anna", "promote", "prod", moves):
        raise KeyboardInterrupt
    (left,) = interrupted(journal.entries(), "prod")
    journal.settle("bob", [left], refs)
    assert interrupted(journal.entries(), "prod") == []
    last = journal.entries()[-1]
    assert (last["event"], last["late"], last["settled_by"]) == (event, True, "bob")


def test_a_change_that_somebody_else_settles_stays_whose_it_was(journal: Journal) -> None:
    details = {"version": "44.1", "ring": "pilot", "reason": "a hotfix", "through": "stable"}
    for refs in ({"os/pilot": "c1"}, {}):
        with pytest.raises(KeyboardInterrupt), journal.move("anna", "promote", "prod", [MOVE], **details):
            raise KeyboardInterrupt
        journal.settle("timer", interrupted(journal.entries(), "prod"), refs)
    done, failed = (entry for entry in journal.entries() if entry["event"] != "intent")
    told = {"actor": "anna", "action": "promote", "environment": "prod", **details, "settled_by": "timer"}
    assert {**done, **told} == done
    assert done["moves"] == [MOVE.as_json()]
    assert {**failed, **told, "reason": "interrupted"} == failed
    assert "moves" not in failed


@pytest.mark.parametrize(
    ("now", "event"), [("c1", "done"), ("c0", "failed")], ids=["moved before the end", "not moved"]
)
def test_an_interrupted_compose_is_settled_by_its_ref(journal: Journal, now: str, event: str) -> None:
    starts = {"ref": "os/dev", "from": "c0"}
    with pytest.raises(KeyboardInterrupt), journal.move("timer", "compose", "dev", [], starts=starts):
        raise KeyboardInterrupt
    journal.settle("bob", interrupted(journal.entries(), "dev"), {"os/dev": now})
    last = journal.entries()[-1]
    moves = [{"ref": "os/dev", "from": "c0", "to": "c1"}] if event == "done" else None
    assert (last["event"], last.get("moves"), last["actor"]) == (event, moves, "timer")
    assert composer(journal.entries(), "c1") == ("timer" if event == "done" else None)


def test_only_one_descriptor_appends_at_a_time(journal: Journal) -> None:
    children = []
    for child in range(4):
        pid = os.fork()
        if pid == 0:
            for _ in range(20):
                journal.append({"event": "x", "child": child})
            os._exit(0)
        children.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 4
    assert len(journal.entries()) == 80
    assert unlinked(journal.path.read_bytes()) == []


def test_a_link_is_not_followed(journal: Journal) -> None:
    journal.path.unlink()
    journal.path.symlink_to("elsewhere")
    with pytest.raises(Refused, match=r"journal\.jsonl"):
        journal.append({"event": "a"})


def test_lines_are_one_line(journal: Journal) -> None:
    journal.append({"reason": "two\nlines, ünïcode"})
    assert len(journal.path.read_bytes().splitlines()) == 1
    assert json.loads(journal.path.read_bytes())["reason"] == "two\nlines, ünïcode"
