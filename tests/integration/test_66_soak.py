"""A dev client that falls ill stops the build it runs, by name; repaired, it lets the build pass."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.integration.driver import Lab

STATION = "followed"

REPORT = "/var/lib/ostree-health/report"
ILL = r"""
printf '[Service]\nType=oneshot\nExecStart=/bin/false\n' | sudo tee /etc/systemd/system/lab-ill.service >/dev/null
sudo systemctl daemon-reload
sudo systemctl start lab-ill.service || true
sudo systemctl restart ostree-health.service
"""
REPAIRED = """
sudo rm /etc/systemd/system/lab-ill.service
sudo systemctl reset-failed lab-ill.service
sudo systemctl daemon-reload
sudo systemctl restart ostree-health.service
"""


def wait_for(lab: Lab, words: str) -> str:
    """Wait until dev1's report has some words; return the report."""
    said = ""
    for _ in range(60):
        said = lab.ssh("dev1", f"cat {REPORT}", check=False).out
        if words in said:
            return said
        time.sleep(1)
    raise AssertionError(f"no {words!r} in {said!r}")


def soak(lab: Lab, version: str) -> dict[str, Any]:
    """Check a candidate or release and return what the gate `soak` says."""
    done = lab.server(
        f"runuser -u ostree-prod -- ostree-release check {version} --json 2>/dev/null", check=False
    )
    results = json.loads(done.out.splitlines()[-1])["rings"]["pilot"]
    found: dict[str, Any] = next(each for each in results if each["gate"] == "soak")
    return found


def reports(lab: Lab) -> list[dict[str, Any]]:
    """Return what the journal has of dev1's health."""
    entries = lab.ask("log", "--environment", "dev")["entries"]
    return [each for each in entries if each["event"] == "reported" and each["client"] == "dev1"]


def test_an_ill_dev_client_stops_its_build_until_it_is_repaired(lab: Lab) -> None:
    lab.command("publish", "hello", "6.0")
    lab.pyinfra("tasks/compose.py", "-y")  # a second compose that a client boots
    build = lab.newest_build()
    lab.pyinfra("tasks/upgrade.py", "-y", "--limit", "dev1", "--data", "reboot=yes")
    staged = lab.server(f"runuser -u ostree-prod -- ostree-release stage --build {build['checksum']} --json")
    version = json.loads(staged.out.splitlines()[-1])["release"]["version"]
    said = wait_for(lab, f"boot {lab.boot_id('dev1')}\n")  # not what an earlier boot left there
    assert "state healthy\n" in said

    lab.ssh("dev1", ILL)
    wait_for(lab, "failed lab-ill.service")
    before = len(reports(lab))
    assert "unhealthy: lab-ill.service" in lab.pyinfra("tasks/status.py", "--dry").out
    assert len(reports(lab)) == before, "a plan records nothing"
    lab.pyinfra("tasks/status.py", "-y")
    newest = reports(lab)[-1]
    assert (newest["checksum"], newest["state"]) == (build["checksum"], "unhealthy")
    assert newest["failed"] == ["lab-ill.service"]
    refused = soak(lab, version)
    assert (refused["answer"], refused["line"]) == ("fail", "unhealthy on dev1: lab-ill.service")

    lab.ssh("dev1", REPAIRED)
    wait_for(lab, "state healthy")
    lab.pyinfra("tasks/status.py", "-y")
    assert len(reports(lab)) == before + 2
    lab.pyinfra("tasks/status.py", "-y")
    assert len(reports(lab)) == before + 2, "nothing new, nothing written"
    assert soak(lab, version)["answer"] == "pass"
