"""A third environment as a few lines of data, and what is left when it is taken away; a promotion left alone."""

from __future__ import annotations

import signal
import time

from tests.integration.driver import TYPED, Lab, changed_operations

STATION = "released"

QA = (
    'ostree_environment_qa={"promotes_from": "dev", "rings": ["testers"],'
    ' "gates": {"soak": {"hours": 0, "clients": 0}}}'
)
BASE = "/srv/ostree/rpm-ostree"
STATUS = f"curl -sS -o /dev/null -w '%{{http_code}}' --cacert {BASE}/keys/ca.crt https://images.lab:8443/repo/kinoite/qa/config"


def test_a_third_environment_comes_promotes_and_goes(lab: Lab) -> None:
    lab.pyinfra("deploy.py", "-y", "--data", QA)
    assert changed_operations(lab.pyinfra("deploy.py", "-y", "--json", "--data", QA)) == []
    lab.pyinfra("promote.py", "-y", "--data", "to=qa")
    rings = lab.ask("status")["environments"]["qa"]["rings"]
    found = [(each["name"], each["release"]["version"]) for each in rings]
    assert found == [("testers", lab.newest_build()["version"])]
    assert lab.server(STATUS).out == "200"
    lab.server(f"ostree --repo={BASE}/qa fsck --verify-bindings")

    lab.pyinfra("deploy.py", "-y")
    assert lab.server(STATUS).out == "404"
    assert "qa" not in lab.ask("status")["environments"]
    assert lab.server(f"ostree --repo={BASE}/qa refs").out, "its repository is gone"
    assert changed_operations(lab.pyinfra("deploy.py", "-y", "--json")) == []


def test_interrupted_on_the_laptop_the_promotion_is_completed(lab: Lab) -> None:
    build = lab.quick_build({"hello": "2.9"})
    process = lab.start_pyinfra("promote.py", "-y")
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "Staging" in line:
            process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) != 0
    ending = f"It is safe to run it again, and that completes it: {TYPED} inventories/lab.py promote.py -y"
    assert any(ending in line for line in said), "it does not say how to go on"
    deadline = time.monotonic() + 120
    while lab.server("pgrep -f '[p]romoter promote' || true").out:
        assert time.monotonic() < deadline, "the promotion on the server does not end"
        time.sleep(0.5)
    lab.pyinfra("promote.py", "-y")
    pilot = lab.tip("pilot")
    assert pilot["version"] == build["version"]
    lab.server(f"ostree --repo={BASE}/prod fsck --verify-bindings")
