"""A third environment as a few lines of data, and what is left when it is taken away; a promotion left alone."""

from __future__ import annotations

import signal
import time
from typing import Any

from tests.integration.conftest import new_build, newest_build, release, ring
from tests.integration.driver import Lab, changed_operations

QA = (
    'ostree_environment_qa={"promotes_from": "dev", "rings": ["testers"],'
    ' "gates": {"soak": {"hours": 0, "clients": 0}}}'
)
BASE = "/srv/ostree/rpm-ostree"
STATUS = f"curl -sS -o /dev/null -w '%{{http_code}}' --cacert {BASE}/keys/ca.crt https://images.lab:8443/repo/kinoite/qa/config"


def test_a_third_environment_comes_promotes_and_goes(deployed: Lab, first_release: dict[str, Any]) -> None:
    deployed.pyinfra("deploy.py", "-y", "--data", QA)
    assert changed_operations(deployed.pyinfra("deploy.py", "-y", "--json", "--data", QA)) == []
    deployed.pyinfra("promote.py", "-y", "--data", "to=qa")
    rings = release(deployed, "status")["environments"]["qa"]["rings"]
    found = [(each["name"], each["release"]["version"]) for each in rings]
    assert found == [("testers", newest_build(deployed)["version"])]
    assert deployed.server(STATUS).out == "200"
    deployed.server(f"ostree --repo={BASE}/qa fsck --verify-bindings")

    deployed.pyinfra("deploy.py", "-y")
    assert deployed.server(STATUS).out == "404"
    assert "qa" not in release(deployed, "status")["environments"]
    assert deployed.server(f"ostree --repo={BASE}/qa refs").out, "its repository is gone"
    assert changed_operations(deployed.pyinfra("deploy.py", "-y", "--json")) == []


def test_interrupted_on_the_laptop_the_promotion_is_completed(
    deployed: Lab, first_release: dict[str, Any]
) -> None:
    build = new_build(deployed, "hello", "2.9")
    process = deployed.start_pyinfra("promote.py", "-y")
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "Staging" in line:
            process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) != 0
    assert "promote.py" in "".join(said[-6:]), "it does not say how to go on"
    deadline = time.monotonic() + 120
    while deployed.server("pgrep -f '[p]romoter promote' || true").out:
        assert time.monotonic() < deadline, "the promotion on the server does not end"
        time.sleep(0.5)
    deployed.pyinfra("promote.py", "-y")
    pilot = ring(deployed, "pilot")
    assert pilot is not None
    assert pilot["version"] == build["version"]
    deployed.server(f"ostree --repo={BASE}/prod fsck --verify-bindings")
