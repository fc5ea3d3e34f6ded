"""The proof in words: what stands for a release, what is wrong, and the sum."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import pytest

from ostree_release.model import Move
from ostree_release.proof import chain
from ostree_release.proof.verdict import verify
from ostree_release.words.render import render
from tests.unit.proof_cases import KEY, Story

SOURCES = Path(__file__).parents[2] / "ostree_release"


def test_a_history_in_words(tmp_path: Path) -> None:
    story = Story.begin(tmp_path)
    checksum = story.stage("1")
    gone = {"id": "removed:vim", "answer": "needs-approval", "line": "vim is gone"}
    story.check(checksum, findings=(gone,))
    story.note("approved", checksum=checksum, rings=["pilot"], findings=["removed:vim"], overrides=["soak"],
               reason="we want emacs", until=2**40)  # fmt: skip
    story.publish(checksum)
    story.promote(checksum)
    verdict = verify(story.lines(), [story.seen(summary=None)])
    result = {
        "releases": verdict.releases,
        "notes": ["something"],
        "findings": [asdict(each) for each in verdict.findings],
        "unanchored": 1,
    }
    lines = [re.sub(r", \d{4}-[^)]*", "", line) for line in render("verify", result)]
    assert lines == [
        "prod 1 (commit-1), serial 1",
        "  build build-1, compose unknown",
        "  3 packages from fedora",
        "  staged by anna (line 2)",
        "  published by anna (line 6)",
        f"  signed with {KEY}",
        "  pilot by anna (line 8); checked (line 3): diff needs-approval",
        "  approved for pilot by anna (line 4): we want emacs, OVERRIDES soak",
        "Note: something",
        "FINDING: summary of prod: is missing: clients find no ref; promoting again repairs it",
        "1 release proven, 1 finding, 1 entry not yet anchored",
    ]


def test_a_build_was_composed_by_who_made_it_not_by_who_composed_it_once_more(tmp_path: Path) -> None:
    story = Story.begin(tmp_path)
    for actor, version in (("anna", "1"), ("ci:gitlab", "2")):
        with story.journal.move(actor, "compose", "dev", [], version=version) as made:
            made.append(Move("os/dev", None, "build-1"))
    story.release("1")
    (release,) = verify(story.lines(), [story.seen()]).releases
    assert (release["build"]["version"], release["build"]["composed"]["actor"]) == ("1", "anna")


def test_the_sum_of_many() -> None:
    result = {"releases": [], "notes": [], "findings": [], "unanchored": 0}
    assert render("verify", result) == ["0 releases proven, 0 findings, 0 entries not yet anchored"]


PASS, FAIL = ({"gate": "soak", "answer": answer} for answer in ("pass", "fail"))


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"event": "anchored", "number": 3, "lines": 45}, "anchor 3: 45 lines"),
        ({"event": "approved", "rings": ["pilot"], "overrides": ["soak"]}, "for pilot, overrides soak"),
        ({"event": "reported", "client": "dev1", "state": "healthy"}, "dev1 healthy"),
        ({"event": "checked", "ring": "pilot", "results": [PASS]}, "for pilot: pass"),
        ({"event": "checked", "ring": "pilot", "results": [PASS, FAIL]}, "for pilot: soak fail"),
    ],
)
def test_entries_in_the_log(entry: dict[str, object], words: str) -> None:
    (line,) = render("log", {"entries": [entry], "broken": []})
    assert line.endswith(words)


def test_every_event_that_the_program_writes_is_known() -> None:
    written = set()
    for source in SOURCES.rglob("*.py"):
        for said in ('"event": "([a-z-]+)"', r'\.record\(\s*"([a-z-]+)"', '^EVENT = "([a-z-]+)"'):
            written |= set(re.findall(said, source.read_text(), re.MULTILINE))
    assert written == set(chain.EVENTS)
