"""Results in words."""

from __future__ import annotations

from typing import Any

import pytest

from ostree_release.text import as_typed, command, run_by
from ostree_release.words.render import render

DIFF = {
    "added": [{"name": "new", "new": "1-1"}],
    "removed": [],
    "upgraded": [{"name": "hello", "old": "1-1", "new": "2-1"}],
    "downgraded": [],
}
IMAGE = {"version": "44.1", "checksum": "a" * 64, "timestamp": 1764000000}


def test_a_promotion_says_what_is_where_and_what_to_type() -> None:
    result: dict[str, Any] = {
        "outcome": "promoted",
        "environment": "prod",
        "ring": "pilot",
        "actor": "anna",
        "build": IMAGE,
        "release": {**IMAGE, "serial": 1},
        "moves": [{"ref": "os/pilot", "from": None, "to": "a" * 64}],
        "repaired": [],
        "packages": DIFF,
        "rings": {"pilot": "44.1", "stable": None},
        "next": {"task": "promote", "data": {"ring": "stable"}},
    }
    clients = "pyinfra INVENTORY tasks/upgrade.py -y --data reboot=yes --limit CLIENTS"
    assert render("promote", result) == [
        "  + new 1-1",
        "  ↑ hello 1-1 -> 2-1",
        "os/pilot: nothing -> aaaaaaaaaaaa",
        "Promoted: prod/pilot has 44.1 (aaaaaaaaaaaa), build 44.1, by anna",
        "prod has now: pilot 44.1, stable nothing yet",
        f"Next: {clients}; when they are well: pyinfra INVENTORY promote.py -y --data ring=stable",
    ]
    last = {**result, "next": {"task": "upgrade", "data": {}}}
    assert render("promote", last)[-1] == f"Next: {clients}"
    again = {**result, "outcome": "repaired", "moves": [], "repaired": ["summary was old"]}
    assert "Repaired: summary was old" in render("promote", again)


def test_a_plan_says_what_would_move_where() -> None:
    move = {"ref": "os/pilot", "from": None, "to": {"version": "44.1", "checksum": None}}
    plan: dict[str, Any] = {
        "outcome": "promote",
        "environment": "prod",
        "ring": "pilot",
        "build": IMAGE,
        "release": {"version": "44.1", "serial": 1, "checksum": None},
        "moves": [move],
        "gates": {"pilot": None},
        "held": [],
        "expect": {"build": "a" * 64, "tip": "none"},
        "packages": {kind: [] for kind in DIFF},
        "repairs": [],
    }
    would = "Would promote build 44.1 (aaaaaaaaaaaa) to prod/pilot as 44.1, serial 1"
    empty = "  the ring is empty: there are no packages to compare with"
    assert render("plan", plan) == [empty, "os/pilot: nothing -> 44.1", would]
    tip = {"version": "44.0", "checksum": "b" * 64}
    later = {**plan, "expect": {"build": "a" * 64, "tip": "b" * 64}, "moves": [{**move, "from": tip}]}
    moves = "os/pilot: 44.0 (bbbbbbbbbbbb) -> 44.1"
    assert render("plan", later) == ["  no package changes", moves, would]
    repair = {**plan, "outcome": "repair", "moves": [], "repairs": ["signature of 44.1 was missing"]}
    said = ["Would repair: signature of 44.1 was missing", "Would repair 44.1 in prod/pilot"]
    assert render("plan", repair) == said


def test_what_to_type_is_what_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ostree_release.text._laptop", "pyinfra INVENTORY")
    run_by(".venv/bin/pyinfra", "my inventories/lab.py")
    typed = ".venv/bin/pyinfra 'my inventories/lab.py'"
    step = {"task": "rebase", "data": {}, "limit": ["a client"]}
    assert command(step) == f"{typed} tasks/rebase.py -y --limit 'a client'"
    assert as_typed("again: pyinfra INVENTORY promote.py -y") == f"again: {typed} promote.py -y"
    assert command({"subcommand": "status", "arguments": []}) == "ostree-release status"


def test_long_package_lists_are_cut_short() -> None:
    packages = {**DIFF, "added": [{"name": f"p{number}", "new": "1-1"} for number in range(30)]}
    disk = {"repository_bytes": 5 << 30, "free_bytes": 1536}
    result = {
        **IMAGE,
        "outcome": "built",
        "environment": "dev",
        "actor": "timer",
        "disk": disk,
        "next": {"task": "promote", "data": {}},
        "packages": packages,
    }
    lines = render("compose", result)
    assert "    and 10 more added" in lines
    assert "Repository: 5.0 GiB, free: 1.5 KiB" in lines
    assert render("run-compose", result) == ["Built 44.1 (aaaaaaaaaaaa) of dev, for timer"]
    ends = {"environment": "dev", **IMAGE}
    assert len(render("diff", {"from": ends, "to": ends, "packages": packages})) == 32


def test_status_is_aligned() -> None:
    behind = {"added": 0, "removed": 0, "upgraded": 2, "downgraded": 0}
    rings = [
        {
            "name": "pilot",
            "ref": "os/pilot",
            "release": {**IMAGE, "serial": 1},
            "behind": behind,
            "overrides": [{"gates": ["soak"], "actor": "ann", "reason": "a hole"}],
        },
        {"name": "stable", "ref": "os/stable", "release": None, "behind": None, "overrides": []},
    ]
    waiting = {**IMAGE, "version": "44.2", "open": ["gate diff needs approval: removed tool 5.0"]}
    prod = {"composed": False, "promotes_from": "dev", "rings": rings, "candidates": [waiting]}
    hold = {"kind": "package", "label": "x-1-1", "reason": "crashes", "actor": "bob"}
    result = {
        "environments": {
            "dev": {"composed": True, "ref": "os/dev", "build": IMAGE, "reports": []},
            "prod": prod,
        },
        "verify": None,
        "warnings": ["key AB of prod expires in 3 days: introduce another"],
        "next": {"task": "promote", "data": {}},
        "holds": [{**hold, "time": "2026-01-02T03:04:05Z"}],
    }
    assert render("status", result) == [
        "dev          44.1         aaaaaaaaaaaa  2025-11-24 16:00 UTC",
        "prod/pilot   44.1         aaaaaaaaaaaa  2025-11-24 16:00 UTC  behind dev: 2 upgraded",
        "prod/stable  nothing yet",
        "OVERRIDE prod/pilot: soak: a hole (ann)",
        "Candidate prod: 44.2 (aaaaaaaaaaaa): gate diff needs approval: removed tool 5.0",
        "HELD package x-1-1: crashes (bob, 2026-01-02)",
        "WARNING: key AB of prod expires in 3 days: introduce another",
        "Next: pyinfra INVENTORY promote.py -y",
    ]


def test_an_empty_log() -> None:
    assert render("log", {"entries": [], "broken": []}) == []
    assert "BROKEN: line 3" in render("log", {"entries": [], "broken": [3]})[0]
    none: dict[str, Any] = {"environment": "dev", "builds": [], "next": {"task": "compose", "data": {}}}
    assert render("builds", none) == ["dev has no build yet", "Next: pyinfra INVENTORY tasks/compose.py -y"]


def test_an_automatic_run_says_what_it_completed() -> None:
    summary = "summary did not name the refs as they are"
    line = "prod/pilot had been moved, and something interrupted that: it is complete now"
    result: dict[str, Any] = {"outcome": "repaired", "environment": "prod", "passed": [], "line": line}
    assert render("auto", {**result, "repaired": [summary]}) == [f"Repaired: {summary}", f"Repaired: {line}"]
    nothing = {**result, "outcome": "nothing", "line": None, "repaired": ["journal's head was not signed"]}
    assert render("auto", nothing) == [
        "Repaired: journal's head was not signed",
        "Nothing to do: no ring of prod waits for anything",
    ]
