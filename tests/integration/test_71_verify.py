"""The proof on the suite's server, after everything that the suite has done to it: only tampering is found."""

from __future__ import annotations

from typing import Any

from tests.integration.conftest import release, ring
from tests.integration.driver import Lab

PROD = "/srv/ostree/rpm-ostree/prod"
UNIT = "ostree-release-verify"
PILOT = "fedora/x86_64/kinoite/pilot"


def findings(lab: Lab) -> str:
    """Return what a person reads about what is wrong."""
    said = lab.server("ostree-release verify", check=False)
    return "\n".join(line for line in said.out.splitlines() if line.startswith("FINDING")) + said.err


def prove(lab: Lab) -> str:
    """Run the timer's unit; returns systemd's result."""
    lab.server(f"systemctl reset-failed {UNIT}; systemctl start {UNIT}", check=False)
    return lab.server(f"systemctl show --value -p Result {UNIT}").out.strip()


def test_after_all_that_was_done_nothing_is_found(deployed: Lab, first_release: dict[str, Any]) -> None:
    assert findings(deployed) == ""
    said = deployed.server("ostree-release verify").out.splitlines()
    assert " proven, 0 findings, " in said[-1]
    deployed.server(f"systemctl is-enabled {UNIT}.timer; systemctl is-active {UNIT}.timer")
    assert prove(deployed) == "success", deployed.server(f"journalctl -u {UNIT} -n 20", check=False).out


def test_a_ring_removed_by_hand_fails_the_unit_and_shows_in_status(
    deployed: Lab, first_release: dict[str, Any]
) -> None:
    tip = ring(deployed, "pilot")
    assert tip is not None
    ostree = f"runuser -u ostree-prod -- ostree --repo={PROD}"
    deployed.server(f"{ostree} refs --delete {PILOT}; {ostree} summary -u")
    try:
        assert prove(deployed) == "exit-code"
        status = deployed.server("ostree-release status").out
        assert "verify found 1 problem (" in status
        assert f"{PILOT}: is gone" in status
    finally:
        deployed.server(f"{ostree} refs --create={PILOT} {tip['checksum']}; {ostree} summary -u")
    assert prove(deployed) == "success"
    assert "verify found" not in deployed.server("ostree-release status").out
    assert release(deployed, "verify")["findings"] == []


def test_the_system_journal_knows_the_last_anchor(deployed: Lab, first_release: dict[str, Any]) -> None:
    last = deployed.server("tail -n 1 /var/lib/ostree-release/anchors/prod.jsonl").out
    said = deployed.server("journalctl -t ostree-release -o cat", check=False).out
    entries = release(deployed, "log", "--environment prod")["entries"]
    anchored = [entry["number"] for entry in entries if entry["event"] == "anchored"][-1]
    assert f'\\"number\\": {anchored},' in last
    assert f"journal anchor {anchored} of prod: " in said
