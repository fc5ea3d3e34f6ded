"""Refs against the journal's moves, and interruptions, which are none of anybody's tampering."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ostree_release.journal import interrupted
from ostree_release.model import Move
from ostree_release.proof.verdict import verify
from tests.unit.proof_cases import PILOT, PROD, STABLE, Story, findings


@pytest.fixture
def story(tmp_path: Path) -> Story:
    story = Story.begin(tmp_path)
    story.release("1")
    story.release("2")
    return story


def moved_by_hand(story: Story, ref: str, checksum: str | None) -> list[str]:
    refs = {**story.refs, ref: checksum}
    refs = {name: value for name, value in refs.items() if value}
    return findings(story, refs=refs, summary=refs)


def test_a_ring_moved_by_hand(story: Story) -> None:
    (found,) = moved_by_hand(story, PILOT.ref, "commit-1")
    assert re.match(r"os/pilot: is at 1 \(commit-1\), but line 15 left it at 2 \(commit-2\)", found)


def test_a_ring_that_nobody_had_moved(story: Story) -> None:
    (found,) = moved_by_hand(story, STABLE.ref, "commit-1")
    assert found == "os/stable: is at 1 (commit-1), and no entry ever moved it: made by hand"


def test_a_ref_that_is_gone(story: Story) -> None:
    assert "os/releases/1: is gone, but line 5 left it at 1 (commit-1): moved by hand" in moved_by_hand(
        story, PROD.release_ref("1"), None
    )


def test_a_ref_moved_by_hand_before_the_next_move(story: Story) -> None:
    story.refs[PILOT.ref] = "commit-1"
    story.release("3")
    assert findings(story)[0].startswith("line 22: found os/pilot at commit-1, where no entry had put it"), (
        findings(story)
    )


def test_a_ref_that_was_put_back_is_no_finding(story: Story) -> None:
    ref = PROD.release_ref("2")
    del story.refs[ref]
    story.move("publish", {ref: "commit-2"})
    assert findings(story) == []


@pytest.mark.parametrize("made", [(), (0,), (1,), (0, 1)])
def test_a_change_cut_off_anywhere_is_clean_before_and_after_its_repair(
    story: Story, made: tuple[int, ...]
) -> None:
    checksum = story.stage("3")
    story.check(checksum)
    moves = [
        Move(PROD.release_ref("3"), None, checksum),
        Move(PROD.candidate_ref("3"), checksum, None),
    ]
    with pytest.raises(KeyboardInterrupt), story.journal.move("anna", "publish", "prod", moves):
        raise KeyboardInterrupt
    for move in (moves[index] for index in made):
        story.refs = {ref: value for ref, value in story.refs.items() if ref != move.ref}
        story.refs |= {move.ref: move.new} if move.new else {}
    assert findings(story) == []
    story.journal.settle("anna", interrupted(story.journal.entries(), "prod"), story.refs)
    assert findings(story) == []
    left = {move.ref: move.new for move in moves if story.refs.get(move.ref) != move.new}
    if left:
        story.move("publish", left)
    story.promote(checksum)
    verdict = verify(story.lines(), [story.seen()])
    assert (verdict.findings, verdict.unanchored) == ([], 0)


def test_an_end_that_moved_something_else_than_was_begun(story: Story) -> None:
    begun = {"action": "promote", "moves": []}
    story.note("intent", **begun)
    move = {"ref": STABLE.ref, "from": None, "to": "commit-2"}
    story.note("done", **{**begun, "moves": [move]}, intent=story.journal.head())
    story.refs[STABLE.ref] = "commit-2"
    assert findings(story) == ["line 18: moved something else than line 17 began"]


@pytest.mark.parametrize(("kind", "value"), [("build", "build-2"), ("content", "tree-2")])
def test_a_ring_moved_to_what_was_held(story: Story, kind: str, value: str) -> None:
    story.note(
        "held", kind=kind, value=value, label="2", reason="it does not boot", time="2026-01-01T00:00:00Z"
    )
    hold = story.journal.head()
    story.check("commit-2", STABLE)
    story.promote("commit-2", STABLE)
    assert findings(story) == [
        f"line 19: moved stable to 2 (commit-2) although it was held ({kind} 2: it does not boot)"
    ]
    story.note("released-hold", hold=hold)
    assert len(findings(story)) == 1
    story.release("3")
    assert len(findings(story)) == 1


def test_a_hold_that_was_released_or_came_later(story: Story) -> None:
    said = {"kind": "build", "value": "build-2", "label": "2", "reason": "x"}
    story.note("held", **said)
    story.note("released-hold", hold=story.journal.head())
    story.check("commit-2", STABLE)
    story.promote("commit-2", STABLE)
    story.note("held", **said)
    assert findings(story) == []
    story.note("held", kind="tree")
    assert findings(story) == ["line 24: is no check, approval or hold as this program writes them"]


def test_a_check_without_its_gates_lets_nothing_through(story: Story) -> None:
    for more in ({}, {"gates": ["diff"]}):
        story.note("checked", checksum="commit-2", ring="stable", tip=None, policy="p", results=[], **more)
    story.promote("commit-2", STABLE)
    assert findings(story) == [
        "line 17: is no check, approval or hold as this program writes them",
        "line 18: is no check, approval or hold as this program writes them",
        "line 19: moved stable to 2 (commit-2) without a check for this ring as it then stood",
    ]


def test_an_end_without_its_beginning(story: Story) -> None:
    story.note("done", action="promote", intent="0" * 64, moves=[{"ref": STABLE.ref, "to": "commit-1"}])
    assert findings(story) == ["line 17: ends a change that no entry began"]


def test_another_environments_entries_are_not_judged_here(story: Story) -> None:
    with story.journal.move("otto", "promote", "qa", [Move("os/qa", None, "c")]):
        pass
    assert findings(story) == []
