"""Composing: by the laptop, without change, interrupted, refused."""

from __future__ import annotations

import json
import re
import signal
import time
from typing import Any

from tests.integration.conftest import newest_build, release
from tests.integration.driver import Lab

DEV = "/srv/ostree/rpm-ostree/dev"
REF = "fedora/x86_64/kinoite/dev"


def test_a_build_is_versioned_signed_and_listed(deployed: Lab, first_build: dict[str, Any]) -> None:
    assert re.fullmatch(r"44\.\d{8}\.\d+", first_build["version"])
    shown = deployed.server(f"ostree --repo={DEV} show {REF}").out
    assert first_build["checksum"] in shown
    assert first_build["version"] in shown
    summary = deployed.server(f"ostree --repo={DEV} summary -v").out
    assert first_build["checksum"] in summary
    verified = deployed.server(
        "d=$(mktemp -d); cp /srv/ostree/rpm-ostree/keys/dev.gpg $d/pubring.gpg;"
        f" ostree --repo={DEV} show --gpg-homedir=$d {REF}",
    ).text
    assert "Good signature" in verified
    deployed.server(f"ostree --repo={DEV} fsck")


def test_nothing_new_is_said_and_builds_nothing(deployed: Lab, first_build: dict[str, Any]) -> None:
    before = newest_build(deployed)
    result = deployed.pyinfra("tasks/compose.py", "-y")
    assert newest_build(deployed) == before
    assert re.search(r"no changes|unchanged|nothing new", result.text, re.IGNORECASE)


def test_a_lost_signature_and_summary_come_back_without_a_new_build(
    deployed: Lab, first_build: dict[str, Any]
) -> None:
    build = newest_build(deployed)["checksum"]
    deployed.server(f"rm -f {DEV}/objects/{build[:2]}/{build[2:]}.commitmeta {DEV}/summary")
    deployed.pyinfra("tasks/compose.py", "-y")
    assert newest_build(deployed)["checksum"] == build
    assert newest_build(deployed)["signed"] is True
    assert build in deployed.server(f"ostree --repo={DEV} summary -v").out


def test_an_environment_that_promotes_is_not_composed(deployed: Lab) -> None:
    result = deployed.pyinfra("tasks/compose.py", "-y", "--data", "environment=prod", check=False)
    assert result.code != 0
    assert "prod" in result.text
    assert "Traceback" not in result.text


def test_too_little_free_space_is_refused_with_both_numbers(
    deployed: Lab, first_build: dict[str, Any]
) -> None:
    deployed.server(
        "cd /etc/ostree-release; cp -p config.json /root/config.json;"
        " python3 -c \"import json; p='config.json'; d=json.load(open(p)); d['minimum_free_bytes']=10**16; json.dump(d, open(p,'w'))\""
    )
    try:
        result = deployed.pyinfra("tasks/compose.py", "-y", check=False)
    finally:
        deployed.server("cp -p /root/config.json /etc/ostree-release/config.json")
    assert result.code != 0
    assert len(re.findall(r"\d[\d.,]* ?[KMGTP]?i?B", result.text)) >= 2, result.text


def test_a_misspelt_key_in_a_json_treefile_is_refused(deployed: Lab, first_build: dict[str, Any]) -> None:
    local = "/etc/rpm-ostree/treefiles/kinoite-dev.local.yaml"
    deployed.server(f"printf 'include: kinoite-dev.yaml\\npakages:\\n  - hello\\n' > {local}")
    try:
        result = deployed.pyinfra("tasks/compose.py", "-y", check=False)
    finally:
        deployed.server(f"rm {local}")
    assert result.code != 0
    assert "pakages" in result.text


def test_a_local_treefile_is_read_and_may_not_change_the_ref(
    deployed: Lab, first_build: dict[str, Any]
) -> None:
    local = "/etc/rpm-ostree/treefiles/kinoite-dev.local.yaml"
    deployed.server(f"printf 'include: kinoite-dev.yaml\\nref: fedora/x86_64/kinoite/other\\n' > {local}")
    try:
        result = deployed.pyinfra("tasks/compose.py", "-y", check=False)
        assert result.code != 0
        assert "fedora/x86_64/kinoite/other" in result.text
        assert deployed.pyinfra("deploy.py", "-y").code == 0
        assert "other" in deployed.server(f"cat {local}").out, "deploy.py touched the local treefile"
    finally:
        deployed.server(f"rm -f {local}")


def test_interrupted_on_the_laptop_the_compose_goes_on(deployed: Lab, first_build: dict[str, Any]) -> None:
    deployed.command("publish", "hello", "1.1")
    before = newest_build(deployed)["checksum"]
    process = deployed.start_pyinfra("tasks/compose.py", "-y")
    unit = "ostree-release-compose@dev.service"
    deadline = time.monotonic() + 60
    while "activating" not in deployed.server(f"systemctl is-active {unit}", check=False).out:
        assert time.monotonic() < deadline, "the compose did not start"
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode != 0, said
    assert "compose.py" in said, "it does not say how to attach again"
    attached = deployed.pyinfra("tasks/compose.py", "-y")
    build = newest_build(deployed)
    assert build["checksum"] != before
    assert build["version"] in attached.text


def test_leftovers_of_a_killed_compose_are_removed(deployed: Lab, first_build: dict[str, Any]) -> None:
    deployed.command("publish", "hello", "1.2")
    unit = "ostree-release-compose@dev.service"
    cache = "/var/cache/ostree-release/dev"
    deployed.server(
        f"mkdir -p {cache}/rpm-ostree-compose.AbCdEf; touch {cache}/rpm-ostree-compose.AbCdEf/big"
    )
    deployed.server(f"systemctl start --no-block {unit}; sleep 1.5; systemctl kill -s KILL {unit}; sleep 0.5")
    deployed.server(f"systemctl reset-failed {unit}", check=False)
    deployed.pyinfra("tasks/compose.py", "-y")
    assert deployed.server(f"ls {cache} | grep rpm-ostree-compose || true").out == ""
    deployed.server(f"ostree --repo={DEV} fsck")


def test_the_timer_composes_as_the_timer(deployed: Lab, first_build: dict[str, Any]) -> None:
    deployed.server("systemctl start ostree-release-compose@dev.service")
    entries = release(deployed, "log")["entries"]
    composed = [entry for entry in entries if "compose" in json.dumps(entry)]
    assert "timer" in json.dumps(composed[-1])
