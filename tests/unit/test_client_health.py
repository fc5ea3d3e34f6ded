"""What a client says about its boot: the unit's script, its file, and what of it the server does not know."""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tasks.client import boot_health, fleet
from tests.unit.test_decisions import machine

BOOT = "0b6a1c9e-6f4b-4b6e-9d3a-000000000001"
SAID = ["format 1", f"boot {BOOT}", "state unhealthy", "system degraded", "failed lab-ill.service"]


def program(folder: Path, system: str, failed: str) -> tuple[int, list[str] | None]:
    """Run the unit's script where systemctl says what it is told; returns exit status and report."""
    (folder / "systemctl").write_text(
        f'#!/bin/sh\ncase $1 in is-system-running) {system};; list-units) printf "{failed}";; esac\n'
    )
    (folder / "systemctl").chmod(0o755)
    report = folder / "report"
    script = (
        boot_health.FILES[boot_health.PROGRAM]
        .replace(boot_health.REPORT, shlex.quote(str(report)))
        .replace("900", "1")
    )
    path = f"{folder}:{os.environ['PATH']}"
    done = subprocess.run(["sh", "-c", script], env={"PATH": path}, capture_output=True, check=False)
    assert not (folder / "report.new").exists()
    return done.returncode, report.read_text().splitlines() if report.exists() else None


@pytest.mark.parametrize(
    ("system", "failed", "said"),
    [
        ("echo running", "", ["state healthy", "system running"]),
        (
            "echo degraded; exit 1",
            "lab-ill.service loaded failed failed Ill\\nb.mount loaded failed failed B\\n",
            ["state unhealthy", "system degraded", "failed lab-ill.service", "failed b.mount"],
        ),
        # The boot never ends: the time limit strikes, and systemd is asked again without waiting.
        ('[ "$2" ] && sleep 9; echo starting; exit 1', "", ["state unhealthy", "system starting"]),
        ("exit 1", "", ["state unhealthy", "system unknown"]),
    ],
)
def test_the_script_writes_what_can_be_read(
    tmp_path: Path, system: str, failed: str, said: list[str]
) -> None:
    code, lines = program(tmp_path, system, failed)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert (code, lines) == (0, ["format 1", f"boot {boot}", *said])
    found = boot_health.parse_report(lines or [], boot)
    assert found is not None
    assert found["failed"] == [line.partition(" ")[2] for line in said if line.startswith("failed")]


def test_a_machine_that_goes_down_says_nothing(tmp_path: Path) -> None:
    assert program(tmp_path, "echo stopping; exit 1", "") == (0, None)


def test_a_report_of_this_boot_is_read() -> None:
    assert boot_health.parse_report(SAID, BOOT) == {
        "boot": BOOT,
        "state": "unhealthy",
        "system": "degraded",
        "failed": ["lab-ill.service"],
    }


@pytest.mark.parametrize(
    "lines",
    [
        [],
        SAID[1:],
        ["format 2", *SAID[1:]],
        ["format 1", f"boot {BOOT[:-1]}2", *SAID[2:]],
        [*SAID, "more 1"],
        [*SAID, "failed \x1b[31m"],
        ["format 1", f"boot {BOOT}", "state fine", "system running"],
    ],
)
def test_anything_else_is_no_report(lines: list[str]) -> None:
    assert boot_health.parse_report(lines, BOOT) is None


def test_when_the_unit_changes() -> None:
    digest = hashlib.sha256("".join(boot_health.FILES.values()).encode()).hexdigest()
    on = ["ActiveState=active", "UnitFileState=enabled"]
    right = boot_health.parse_unit([digest, *on])
    assert boot_health.unit_change(right, wanted=True) is None
    assert boot_health.unit_change(right, wanted=False) == "remove"
    for lines in (
        [digest, "ActiveState=inactive", on[1]],
        ["1" * 64, *on],
        [],
        [hashlib.sha256().hexdigest()],
    ):
        assert boot_health.unit_change(boot_health.parse_unit(lines), wanted=True) == "install"
    assert boot_health.unit_change(boot_health.parse_unit([]), wanted=False) is None


def test_only_what_the_server_does_not_know_about_a_build_is_news() -> None:
    state = machine("fresh")
    runs = state["deployments"][0]["base"]
    said = boot_health.parse_report(SAID, BOOT)
    row = fleet.unknown("dev1", "")
    row["health"], row["booted"], row["follows"] = said, state["deployments"][0], "dev"

    def status(**entry: Any) -> dict[str, Any]:
        return {"environments": {"dev": {"composed": True, "reports": [], **entry}}}

    report = {"client": "dev1", "checksum": runs, **(said or {})}
    known = {**report, "time": "2026-11-26T00:00:00Z", "version": "44.1"}
    assert fleet.news(row, status()) == report
    assert fleet.news(row, status(reports=[known])) is None
    assert fleet.news(row, status(reports=[{**known, "boot": "other"}])) == report
    assert fleet.news(row, status(composed=False)) is None
    assert fleet.news(row, {"error": "locked"}) is None
    row["health"] = None
    assert fleet.news(row, status()) is None
