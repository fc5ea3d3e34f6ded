"""The decision about a candidate, as a pure function: what approvals cover, until when, and whose count."""

from __future__ import annotations

from typing import Any

import pytest

from ostree_release.answers import FAIL, NEEDS_APPROVAL, PASS, WARN, Finding, Outcome, worst
from ostree_release.judging.admission import admission
from ostree_release.judging.holds import UNREADABLE, holds
from ostree_release.judging.records import Approval, Run, approvals, as_json, composer, newest_run, shortened
from ostree_release.policy import Approval as Approvals
from ostree_release.policy import Policy

NOW = 1_000_000
TIME = "2026-01-01T00:00:00Z"
REMOVED = Finding("removed:tool-5.0", NEEDS_APPROVAL, "removed tool 5.0")
BROKEN = Finding("kernel", FAIL, "no kernel")
POLICY = Policy()
BY_ANOTHER = Policy(approval=Approvals(by_another=True))


def run(*findings: Finding) -> Run:
    return Run("c" * 64, "pilot", None, "p", (Outcome("diff", findings, "line"),))


def approval(**more: Any) -> Approval:
    given = {"actor": "ann", "reason": "seen", "until": NOW + 1, "findings": frozenset({REMOVED.id})}
    return Approval(**{**given, "overrides": frozenset(), **more})


@pytest.mark.parametrize(
    ("found", "given", "open_"),
    [
        ([], [], []),
        ([Finding("x", WARN, "x"), Finding("y", PASS, "y")], [], []),
        ([REMOVED], [], [REMOVED]),
        ([REMOVED], [approval()], []),
        ([REMOVED], [approval(findings=frozenset({"removed:tool-5.1"}))], [REMOVED]),
        ([REMOVED], [approval(until=NOW)], [REMOVED]),
        ([BROKEN], [approval(findings=frozenset({BROKEN.id}))], [BROKEN]),
        ([BROKEN], [approval(findings=frozenset({BROKEN.id}), overrides=frozenset({"soak"}))], [BROKEN]),
        ([BROKEN], [approval(findings=frozenset({BROKEN.id}), overrides=frozenset({"diff"}))], []),
        ([BROKEN], [approval(overrides=frozenset({"diff"}))], [BROKEN]),
        ([REMOVED, BROKEN], [approval()], [BROKEN]),
    ],
)
def test_what_is_open(found: list[Finding], given: list[Approval], open_: list[Finding]) -> None:
    decision = admission(run(*found), given, POLICY, NOW, "bob")
    assert [each.finding for each in decision.open] == open_


def test_the_composers_own_approval_counts_only_where_nobody_else_is_wanted() -> None:
    given = [approval(actor="bob")]
    assert not admission(run(REMOVED), given, POLICY, NOW, "bob").open
    decision = admission(run(REMOVED), given, BY_ANOTHER, NOW, "bob")
    assert decision.open
    assert "bob composed this build" in decision.notes[0]
    assert not admission(run(REMOVED), [*given, approval()], BY_ANOTHER, NOW, "bob").open


def test_what_a_decision_stands_on() -> None:
    other = approval(actor="cora", findings=frozenset({"another"}))
    assert admission(run(REMOVED), [other, approval()], POLICY, NOW, None).used == (approval(),)


def test_an_ended_approval_is_named_only_where_it_is_missed() -> None:
    ended = approval(until=NOW - 1)
    assert admission(run(REMOVED), [ended], POLICY, NOW, None).notes == ("the approval by ann has ended",)
    assert admission(run(), [ended], POLICY, NOW, None).notes == ()


def test_only_a_run_on_this_commit_ring_tip_and_policy_is_current() -> None:
    entry: dict[str, Any] = {
        "event": "checked",
        "time": TIME,
        "checksum": "c" * 64,
        "ring": "pilot",
        "tip": None,
        "policy": "p",
    }
    entries: list[dict[str, Any]] = [{**entry, "results": as_json(run(REMOVED))}, {"event": "done"}]
    assert newest_run(entries, "c" * 64, "pilot", None, "p") == run(REMOVED)
    for other in (("d" * 64, "pilot", None, "p"), ("c" * 64, "stable", None, "p"),
                  ("c" * 64, "pilot", "t", "p"), ("c" * 64, "pilot", None, "q")):  # fmt: skip
        assert newest_run(entries, *other) is None


@pytest.mark.parametrize(
    "change",
    [{"checksum": None}, {"results": "x"}, {"results": [{"gate": "diff"}]}, {"tip": 7}, {"time": "yesterday"},
     {"results": []}, {"gates": ["diff", "soak"]}, {"results": [{"gate": "diff", "line": "", "findings": [
         {"id": "x", "answer": "fine", "line": ""}]}]}],
)  # fmt: skip
def test_a_check_that_somebody_changed_does_not_count(change: dict[str, Any]) -> None:
    entry: dict[str, Any] = {"event": "checked", "checksum": "c", "ring": "pilot", "tip": None, "policy": "p",
                             "time": TIME, "results": as_json(run(REMOVED))}  # fmt: skip
    for gates in ({}, {"gates": ["diff"]}):
        assert newest_run([{**entry, **gates}], "c", "pilot", None, "p") is not None
        assert newest_run([{**entry, **gates, **change}, {"event": "checked"}], "c", "pilot", None) is None
    assert newest_run([{**entry, "results": [], "gates": []}], "c", "pilot", None), "no gate was on"


@pytest.mark.parametrize(
    "change",
    [{"actor": None}, {"until": "x"}, {"findings": REMOVED.id}, {"rings": "pilot"}, {"overrides": [1]},
     {"reason": 1}, {"time": ""}],
)  # fmt: skip
def test_an_approval_that_somebody_changed_does_not_count(change: dict[str, Any]) -> None:
    entry: dict[str, Any] = {"event": "approved", "checksum": "c", "rings": ["pilot"], "actor": "ann",
                             "reason": "seen", "time": TIME, "until": NOW + 1, "findings": [REMOVED.id],
                             "overrides": []}  # fmt: skip
    assert approvals([{"event": "approved"}, entry], "c", "pilot") == [approval()]
    assert approvals([{**entry, **change}], "c", "pilot") == []


def test_a_compose_that_somebody_changed_is_nobodys() -> None:
    done = {"event": "done", "action": "compose"}
    assert composer([done, {**done, "moves": ["x", {}]}, {**done, "moves": 7}], "b") is None


def test_a_hold_that_somebody_changed_holds_everything() -> None:
    hold = {"event": "held", "hash": "h" * 64, "kind": "build", "value": "b", "label": "1", "actor": "ann",
            "reason": "bad", "time": TIME}  # fmt: skip
    assert [each.kind for each in holds([hold])] == ["build"]
    assert holds([hold, {"event": "released-hold", "hold": "h" * 64}]) == []
    assert len(holds([hold, {"event": "released-hold"}, {"event": "released-hold", "hold": ["h"]}])) == 1
    (found,) = holds([{**hold, "kind": "tree"}])
    assert (found.kind, found.label) == (UNREADABLE, "journal entry hhhhhhhhhhhh")
    assert "not an entry of this program: see ostree-release verify" in found.reason
    assert [each.kind for each in holds([{"event": "held", "hash": "h"}])] == [UNREADABLE]


def test_approvals_are_for_a_commit_and_its_rings() -> None:
    entry: dict[str, Any] = {
        "event": "approved",
        "time": TIME,
        "checksum": "c",
        "rings": ["pilot"],
        "actor": "ann",
        "reason": "seen",
    }
    entry |= {"until": NOW + 1, "findings": [REMOVED.id], "overrides": []}
    assert approvals([entry], "c", "pilot") == [approval()]
    assert approvals([entry], "c", "stable") == []
    assert approvals([entry], "d", "pilot") == []


def test_very_many_findings_become_one_that_still_counts_in_full() -> None:
    many = tuple(Finding(f"removed:p{n}", NEEDS_APPROVAL, f"removed p{n}") for n in range(1000))
    short = shortened(Outcome("diff", many, "line"))
    assert len(short.findings) == 101
    assert (short.answer, short.findings[-1].line) == (NEEDS_APPROVAL, "and 900 more")
    other = shortened(Outcome("diff", (*many[:-1], Finding("removed:q", NEEDS_APPROVAL, "q")), "line"))
    assert other.findings[-1].id != short.findings[-1].id, "an approval of the one is none of the other"


def test_very_long_words_are_cut_and_an_id_stays_exact() -> None:
    def short(end: str) -> Outcome:
        finding = Finding(f"soak:unhealthy:{'x' * 5000}{end}", FAIL, "y" * 5000)
        return shortened(Outcome("soak", (finding,), "z" * (2 << 20), {"all": "z" * 5000}))

    cut, other = short("1"), short("2")
    assert len(cut.line) == len(cut.findings[0].line) == 500
    assert cut.line.endswith("z…")
    assert len(cut.findings[0].id) < 330
    assert cut.findings[0].id != other.findings[0].id
    assert cut.findings[0].answer == FAIL
    assert len(cut.data["all"]) == 5000
    assert shortened(cut) == cut, "what is short already stays as it is"


def test_the_worst_answer() -> None:
    assert worst([]) == PASS
    assert worst([WARN, FAIL, NEEDS_APPROVAL]) == FAIL
