"""A dev client that falls ill stops the build it runs, by name; repaired, it lets the build pass."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.integration.conftest import newest_build, release
from tests.integration.driver import Lab

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
    entries = release(lab, "log", "--environment", "dev")["entries"]
    return [each for each in entries if each["event"] == "reported" and each["client"] == "dev1"]


def test_an_ill_dev_client_stops_its_build_until_it_is_repaired(followed: Lab) -> None:
    followed.pyinfra("tasks/upgrade.py", "-y", "--limit", "dev1", "--data", "reboot=yes")
    build = newest_build(followed)
    staged = followed.server(
        f"runuser -u ostree-prod -- ostree-release stage --build {build['checksum']} --json"
    )
    version = json.loads(staged.out.splitlines()[-1])["release"]["version"]
    said = wait_for(followed, f"boot {followed.boot_id('dev1')}\n")  # not what an earlier boot left there
    assert "state healthy\n" in said

    followed.ssh("dev1", ILL)
    wait_for(followed, "failed lab-ill.service")
    before = len(reports(followed))
    assert "unhealthy: lab-ill.service" in followed.pyinfra("tasks/status.py", "--dry").out
    assert len(reports(followed)) == before, "a plan records nothing"
    followed.pyinfra("tasks/status.py", "-y")
    newest = reports(followed)[-1]
    assert (newest["checksum"], newest["state"]) == (build["checksum"], "unhealthy")
    assert newest["failed"] == ["lab-ill.service"]
    refused = soak(followed, version)
    assert (refused["answer"], refused["line"]) == ("fail", "unhealthy on dev1: lab-ill.service")

    followed.ssh("dev1", REPAIRED)
    wait_for(followed, "state healthy")
    followed.pyinfra("tasks/status.py", "-y")
    assert len(reports(followed)) == before + 2
    followed.pyinfra("tasks/status.py", "-y")
    assert len(reports(followed)) == before + 2, "nothing new, nothing written"
    assert soak(followed, version)["answer"] == "pass"
