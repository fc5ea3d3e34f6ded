"""The proof on a server that has released: only tampering is found. Every file of tests ends with it as well."""

from __future__ import annotations

from tests.integration.driver import HOME, Lab

STATION = "released"

PROD = "/srv/ostree/rpm-ostree/prod"
UNIT = "ostree-release-verify"
PILOT = f"{HOME}/pilot"


def findings(lab: Lab) -> str:
    """Return what a person reads about what is wrong."""
    said = lab.server("ostree-release verify", check=False)
    return "\n".join(line for line in said.out.splitlines() if line.startswith("FINDING")) + said.err


def prove(lab: Lab) -> str:
    """Run the timer's unit; returns systemd's result."""
    lab.server(f"systemctl reset-failed {UNIT}; systemctl start {UNIT}", check=False)
    return lab.server(f"systemctl show --value -p Result {UNIT}").out.strip()


def test_after_all_that_was_done_nothing_is_found(lab: Lab) -> None:
    assert findings(lab) == ""
    said = lab.server("ostree-release verify").out.splitlines()
    assert " proven, 0 findings, " in said[-1]
    lab.server(f"systemctl is-enabled {UNIT}.timer; systemctl is-active {UNIT}.timer")
    assert prove(lab) == "success", lab.server(f"journalctl -u {UNIT} -n 20", check=False).out


def test_a_ring_removed_by_hand_fails_the_unit_and_shows_in_status(lab: Lab) -> None:
    tip = lab.tip("pilot")
    ostree = f"runuser -u ostree-prod -- ostree --repo={PROD}"
    lab.server(f"{ostree} refs --delete {PILOT}; {ostree} summary -u")
    try:
        assert prove(lab) == "exit-code"
        status = lab.server("ostree-release status").out
        assert "verify found 1 problem (" in status
        assert f"{PILOT}: is gone" in status
    finally:
        lab.server(f"{ostree} refs --create={PILOT} {tip['checksum']}; {ostree} summary -u")
    assert prove(lab) == "success"
    assert "verify found" not in lab.server("ostree-release status").out
    assert lab.ask("verify")["findings"] == []


def test_the_system_journal_knows_the_last_anchor(lab: Lab) -> None:
    last = lab.server("tail -n 1 /var/lib/ostree-release/anchors/prod.jsonl").out
    said = lab.server("journalctl -t ostree-release -o cat", check=False).out
    entries = lab.ask("log", "--environment prod")["entries"]
    anchored = [entry["number"] for entry in entries if entry["event"] == "anchored"][-1]
    assert f'\\"number\\": {anchored},' in last
    assert f"journal anchor {anchored} of prod: " in said
