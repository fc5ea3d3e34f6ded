"""The journal's chain and its anchors: what breaks them is found, and what a crash leaves is not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostree_release.anchors import due, parse
from ostree_release.proof import chain
from ostree_release.proof.verdict import verify
from tests.unit.proof_cases import KEY, PROD, Story, findings, rewritten


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """Two releases in eight lines each: stage, checked, publish, promote (with its end each), anchored."""
    story = Story.begin(tmp_path)
    story.release("1")
    story.release("2")
    return story


def test_a_history_in_order_is_clean(story: Story) -> None:
    verdict = verify(story.lines(), [story.seen()])
    assert (verdict.findings, verdict.unanchored) == ([], 0)
    assert [release["proven"] for release in verdict.releases] == [True, True]
    assert verdict.releases[1]["published"][0]["line"] == 13
    assert verdict.releases[1]["rings"][0]["checked"] == 11


Lines = list[bytes]
EDITS: dict[str, tuple[Callable[[Lines], Lines], str]] = {
    "an edited entry": (
        lambda lines: [*lines[:4], lines[4].replace(b"anna", b"otto"), *lines[5:]],
        "line 6: does not follow from line 5",
    ),
    "a removed entry": (lambda lines: [*lines[:4], *lines[5:]], "line 5: does not follow from line 4"),
    "an inserted entry": (
        lambda lines: [*lines[:4], lines[2], *lines[4:]],
        "line 5: does not follow from line 4.*it follows line 2",
    ),
    "two entries in another order": (
        lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]],
        "line 5: does not follow from line 4",
    ),
    "an entry of nobody's": (lambda lines: [*lines, b'{"event": "blessed"}'], "line 17: is no entry of this"),
    "something that is no entry": (lambda lines: [*lines, b"[1]"], "line 17: is no entry of this program"),
    "the first entries": (lambda lines: lines[3:], "line 1: does not follow from line 0"),
}


@pytest.mark.parametrize("case", EDITS)
def test_a_changed_journal_is_found_by_its_chain(story: Story, case: str) -> None:
    edit, words = EDITS[case]
    content = b"\n".join(edit(story.journal.content().splitlines())) + b"\n"
    assert any(re.search(words, found) for found in findings(story, content)), findings(story, content)


FORGED: dict[str, tuple[Callable[[Lines], Lines], str]] = {
    "an edited entry": (
        lambda lines: [*lines[:4], lines[4].replace(b"anna", b"otto"), *lines[5:]],
        "line 7: anchor 1 of prod signed another line here: .* after line 0",
    ),
    "an entry after the first anchor": (
        lambda lines: [*lines[:10], lines[10].replace(b"anna", b"otto"), *lines[11:]],
        "line 15: anchor 2 of prod signed another line here: .* after line 7",
    ),
    "the end": (lambda lines: lines[:12], "journal: anchor 2 .* of 15, and has 12 now.* after line 7"),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_rewritten_journal_is_found_by_what_was_signed(story: Story, case: str) -> None:
    edit, words = FORGED[case]
    content = rewritten(edit(story.journal.content().splitlines()))
    found = findings(story, content)
    assert not [each for each in found if "does not follow" in each]
    assert any(re.search(words, each) for each in found), found


def test_a_rewritten_journal_without_anchors_is_found_by_the_releases(story: Story) -> None:
    lines = [line for line in story.journal.content().splitlines() if b"anchored" not in line]
    content = rewritten([lines[0].replace(b"anna", b"otto"), *lines[1:]])
    found = findings(story, content, anchors=(), signers=frozenset())
    assert found[0].startswith("os/releases/2: names"), found


def test_no_journal_is_one_finding_about_it(story: Story) -> None:
    found = findings(story, b"")
    assert found[0] == "journal: is empty or gone, and there are releases"
    assert not [each for each in found if each.startswith("os/")], "every release would say the same"


def test_torn_lines_are_none_and_the_last_one_too(story: Story) -> None:
    with story.journal.path.open("ab") as file:
        file.write(b'{"previous": "ab')
    story.release("3")
    with story.journal.path.open("ab") as file:
        file.write(b'{"previous": "cd')
    assert findings(story) == []


def test_entries_after_the_last_anchor_are_counted(story: Story) -> None:
    story.stage("3")
    verdict = verify(story.lines(), [story.seen()])
    assert (verdict.findings, verdict.unanchored) == ([], 2)


def test_without_anchors_a_signed_release_vouches_for_what_was_before_it(story: Story) -> None:
    lines = [line for line in story.lines() if (line.entry or {}).get("event") != "anchored"]
    seen = story.seen(anchors=(), signers=frozenset())
    assert chain.covered(story.lines(), seen) == 8
    assert chain.unanchored(lines, 0) == 14


def test_what_is_wrong_with_anchors_is_named(story: Story) -> None:
    first, second = story.anchors
    cases: dict[str, dict[str, Any]] = {
        "anchor 2 of prod: its signature is not good": {"signers": frozenset()},
        "line 8: says that anchor 1 of prod was made, but it is not there": {"anchors": (second,)},
        "line 16: says that anchor 2 of prod was made": {"anchors": (first,)},
        "line 8: says that anchor 1 .* and 1 more": {"anchors": ()},
        "anchor 1 of prod: is not the one that line 8 made": {
            "anchors": (replace(first, hash="other"), replace(second, previous="other"))
        },
        "anchor 2 of prod: does not follow from anchor 1": {
            "anchors": (first, replace(second, environment="qa"))
        },
        "line 15: ends at another byte": {"anchors": (first, replace(second, bytes=5))},
    }
    for words, changes in cases.items():
        found = findings(story, **changes)
        assert len(found) == 1, found
        assert re.match(words, found[0]), found


def test_an_anchor_is_due_after_a_move_of_its_environment_only(story: Story) -> None:
    def asked() -> bool:
        return due(PROD, story.journal.entries(), story.anchors[-1])

    assert not asked()
    checksum = story.stage("3")
    story.note("checked")
    assert not asked(), "a candidate is nothing that clients see"
    story.publish(checksum)
    assert asked()
    story.anchor()
    assert not asked()
    assert due(PROD, story.journal.entries(), None), "never signed"


@pytest.mark.parametrize(
    "content", [b"", b"{\n", b"[]\n", b'{"document": "{}", "signature": ""}\n', b'{"a": 1']
)
def test_what_is_no_anchor_is_passed_over(content: bytes) -> None:
    assert parse(content) == []


def test_an_anchor_by_a_key_that_was_withdrawn_is_no_finding_and_vouches_for_nothing(story: Story) -> None:
    new = "C" * 40
    story.images = {name: replace(image, signatures=((new, None),)) for name, image in story.images.items()}
    verdict = verify(story.lines(), [story.seen(keys=frozenset({new}), withdrawn=frozenset({KEY}))])
    assert verdict.findings == []
    assert verdict.notes[0].startswith(f"anchor 2 is signed with {KEY}, withdrawn since")
    assert verdict.unanchored == 7, "only what the last release names is vouched for"
    assert findings(story, keys=frozenset({new})), "a key that was never trusted"


HOSTILE: list[dict[str, Any]] = [
    {"event": ["done"]},
    {"event": {}},
    {"event": "checked"},
    {"event": "checked", "checksum": [], "ring": "pilot", "tip": None, "policy": "p", "results": []},
    {
        "event": "checked",
        "checksum": "commit-2",
        "ring": 5,
        "tip": {},
        "policy": [],
        "results": [{"gate": 1}],
    },
    {"event": "approved", "checksum": "commit-2", "rings": 5},
    {"event": "approved", "checksum": "commit-2", "rings": [[]], "findings": [], "overrides": [], "until": 1},
    {"event": "done", "environment": "prod", "intent": [], "moves": 7},
    {"event": "done", "environment": "prod", "intent": None},
]


@pytest.mark.parametrize("entry", HOSTILE, ids=str)
def test_an_entry_that_is_none_is_a_finding_and_stops_nothing(story: Story, entry: dict[str, Any]) -> None:
    story.journal.append(entry)
    story.journal.append({"event": "anchored", "environment": "prod", "number": [], "anchor": {}})
    moves = [{"ref": [], "to": {}}, {"ref": "os/pilot", "from": 1, "to": []}, 5, {}]
    story.journal.append({"event": "intent", "environment": "prod", "action": [], "moves": moves, "time": 5})
    found = findings(story)
    assert [each.partition(":")[0] for each in found] == ["line 17"], found
