"""Releases against their refs, parents, signatures, builds, and the checks that let them through."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.proof_cases import KEY, PILOT, PROD, STABLE, Story, findings

OTHER = "B" * 40


@pytest.fixture
def story(tmp_path: Path) -> Story:
    story = Story.begin(tmp_path)
    story.release("1")
    story.release("2")
    return story


COMMITS: dict[str, tuple[dict[str, Any], str]] = {
    "another version": ({"version": "9"}, "os/releases/2: names commit-2, which is version 9"),
    "not bound": ({"bindings": frozenset()}, "os/releases/2: names commit-2, whose metadata is not bound"),
    "no parent": ({"parent": None}, r"os/releases/2: its parent is no parent, not the release before"),
    "a wrong parent": ({"parent": "evil"}, r"os/releases/2: its parent is evil, not .* \(commit-1\)"),
    "an old serial": ({"serial": 1}, "os/releases/2: has serial 1, as release 1 has"),
    "no serial": ({"serial": 0, "parent": None}, "os/releases/2: has serial 0 and no parent"),
    "another tree": ({"content": "evil"}, "os/releases/2: has another tree than build 2"),
    "no head": ({"journal": None}, "os/releases/2: names nothing as the journal's head"),
}


@pytest.mark.parametrize("case", COMMITS)
def test_a_commit_that_is_not_right(story: Story, case: str) -> None:
    changes, words = COMMITS[case]
    image = story.images["commit-2"]
    story.images["commit-2"] = replace(image, commit=replace(image.commit, **changes))
    assert any(re.match(words, found) for found in findings(story)), findings(story)


SIGNATURES: dict[str, tuple[tuple[tuple[str, str | None], ...], str | None]] = {
    "none": ((), "os/releases/2: commit-2 has no signature"),
    "not valid": (((KEY, "bad"),), f"os/releases/2: the signature of commit-2 by {KEY} is not good: bad"),
    "another key": (
        ((OTHER, None),),
        f"os/releases/2: the signature of commit-2 by {OTHER} is not good: its key is",
    ),
    "an old and a new one": (((OTHER, "unknown"), (KEY, None)), None),
}


@pytest.mark.parametrize("case", SIGNATURES)
def test_signatures(story: Story, case: str) -> None:
    signatures, words = SIGNATURES[case]
    story.images["commit-2"] = replace(story.images["commit-2"], signatures=signatures)
    found = findings(story)
    assert len(found) == (1 if words else 0), found
    assert words is None or found[0].startswith(words)


def test_a_retired_release_in_between_is_nobodys_fault(story: Story) -> None:
    story.release("3")
    story.move("prune", {PROD.release_ref("2"): None})
    del story.images["commit-2"]
    assert findings(story) == []


def test_a_release_without_entry(story: Story) -> None:
    image = story.images["commit-2"]
    commit = replace(image.commit, checksum="evil", version="3", serial=3, parent="commit-2")
    commit = replace(commit, bindings=frozenset({PROD.release_ref("3")}))
    story.images["evil"] = replace(image, commit=commit)
    story.refs[PROD.release_ref("3")] = "evil"
    found = findings(story)
    assert "os/releases/3: is at 3 (evil), and no entry ever moved it: made by hand" in found
    assert "os/releases/3: no entry staged evil: a release without entry" in found


def test_a_commit_that_is_not_there(story: Story) -> None:
    del story.images["commit-1"]
    assert findings(story) == ["os/releases/1: names commit-1, which is missing or only partly there"]


def test_a_summary_that_says_something_else(story: Story) -> None:
    stale = {**story.refs, PILOT.ref: "commit-1"}
    assert findings(story, summary=stale) == [
        "summary of prod: says that os/pilot is at commit-1, but it is at commit-2"
    ]
    assert findings(story, summary=None)[0].startswith("summary of prod: is missing")
    assert findings(story, summary=stale, busy="anna (promote)") == [], "it is being changed just now"


NEEDS = {"id": "removed:vim", "answer": "needs-approval", "line": "vim is gone"}
FAILS = {"id": "setuid:su", "answer": "fail", "line": "su is new"}


def approved(
    story: Story, findings: tuple[str, ...], overrides: tuple[str, ...] = (), until: int = 2**40
) -> None:
    story.note("approved", checksum="commit-3", version="3", rings=["pilot"], findings=list(findings),
               overrides=list(overrides), reason="why", until=until)  # fmt: skip


def test_moves_that_nothing_had_let_through(story: Story) -> None:
    story.promote("commit-2", STABLE)
    assert findings(story) == [
        "line 17: moved stable to 2 (commit-2) without a check for this ring as it then stood"
    ]


def test_a_check_for_an_older_tip_does_not_count(story: Story) -> None:
    story.check("commit-2", STABLE)
    story.check("commit-1", STABLE)
    story.promote("commit-1", STABLE)
    story.promote("commit-2", STABLE)
    assert [found.split(" moved")[0] for found in findings(story)] == ["line 22:"]


@pytest.mark.parametrize(
    ("found", "approval", "words"),
    [
        (NEEDS, None, "although line .* needs approval: vim is gone"),
        (NEEDS, {"findings": ("removed:vim",)}, None),
        (NEEDS, {"findings": ("removed:emacs",)}, "needs approval: vim is gone"),
        (NEEDS, {"findings": ("removed:vim",), "until": 5}, "has ended"),
        (FAILS, {"findings": ("setuid:su",)}, "gate diff fails: su is new"),
        (FAILS, {"findings": ("setuid:su",), "overrides": ("diff",)}, None),
    ],
)
def test_approvals(
    story: Story, found: dict[str, str], approval: dict[str, Any] | None, words: str | None
) -> None:
    checksum = story.stage("3")
    story.check(checksum, findings=(found,))
    if approval:
        approved(story, **approval)
    story.publish(checksum)
    story.promote(checksum)
    result = findings(story)
    assert len(result) == (1 if words else 0), result
    assert words is None or re.search(words, result[0]), result


def test_what_moved_before_there_were_gates_is_not_judged(tmp_path: Path) -> None:
    story = Story.begin(tmp_path)
    checksum = story.stage("1")
    story.publish(checksum)
    story.promote(checksum)
    assert findings(story) == []
    story.release("2")
    assert findings(story) == []
