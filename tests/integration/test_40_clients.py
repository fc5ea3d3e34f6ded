"""Workstations that boot what was promoted: rebase, upgrade, switching, falling back, refusing."""

from __future__ import annotations

import json
import re

import pytest

from tests.integration.conftest import new_build, newest_build, ring
from tests.integration.driver import ROOT, Lab, changed_operations, run
from tests.shapes import differences

HOME = "fedora/x86_64/kinoite"
FOLLOWS = {
    "dev1": ("kinoite-dev", "dev"),
    "pilot1": ("kinoite-prod", "pilot"),
    "stable1": ("kinoite-prod", "stable"),
}


def served(lab: Lab, follows: str) -> str:
    """Return the checksum that a client following `follows` should run."""
    if follows == "dev":
        return str(newest_build(lab)["checksum"])
    release = ring(lab, follows)
    assert release is not None
    return str(release["checksum"])


@pytest.mark.parametrize("client", FOLLOWS)
def test_every_client_runs_what_it_follows(followed: Lab, client: str) -> None:
    remote, name = FOLLOWS[client]
    booted = followed.booted(client)
    assert booted["origin"] == f"{remote}:{HOME}/{name}"
    assert booted["checksum"] == served(followed, name)
    assert followed.ssh(client, "hello").out.startswith("hello ")


def test_the_client_verifies_signatures_and_tls(followed: Lab) -> None:
    booted = followed.booted("stable1")
    assert booted["gpg-enabled"] is True
    assert booted["signatures"], "the booted commit carries no signature"
    assert booted["signatures"][0][0] is True  # libostree: the signature is valid
    fingerprint = followed.server(
        "gpg --batch --homedir $(mktemp -d) --show-keys --with-colons /srv/ostree/rpm-ostree/keys/prod.gpg | grep ^fpr"
    ).out.split(":")[9]
    assert booted["signatures"][0][5] == fingerprint
    remote = followed.ssh("stable1", "sudo cat /etc/ostree/remotes.d/kinoite-prod.conf").out
    assert "gpg-verify=true" in remote.replace(" ", "")
    assert "tls-ca-path" in remote


def test_following_already_is_no_change(followed: Lab) -> None:
    ids = {client: followed.boot_id(client) for client in FOLLOWS}
    assert (
        changed_operations(followed.pyinfra("tasks/rebase.py", "-y", "--json", "--data", "reboot=yes")) == []
    )
    assert (
        changed_operations(followed.pyinfra("tasks/upgrade.py", "-y", "--json", "--data", "reboot=yes")) == []
    )
    assert {client: followed.boot_id(client) for client in FOLLOWS} == ids


def test_an_upgrade_is_staged_then_booted(followed: Lab) -> None:
    new_build(followed, "hello", "3.0")
    followed.pyinfra("promote.py", "-y")
    before, boot_id = followed.booted("pilot1"), followed.boot_id("pilot1")
    staged = followed.pyinfra("tasks/upgrade.py", "-y", "--limit", "pilot1")
    assert "hello" in staged.text
    assert followed.booted("pilot1")["checksum"] == before["checksum"]
    assert followed.boot_id("pilot1") == boot_id
    pending = followed.client_status("pilot1")["deployments"][0]
    assert (pending["booted"], pending["checksum"]) == (False, served(followed, "pilot"))
    staged_status = followed.client_status("pilot1")
    followed.pyinfra("tasks/upgrade.py", "-y", "--limit", "pilot1", "--data", "reboot=yes")
    booted_status = followed.client_status("pilot1")
    assert followed.boot_id("pilot1") != boot_id
    assert followed.booted("pilot1")["checksum"] == served(followed, "pilot")
    assert followed.ssh("pilot1", "hello").out.strip() == "hello 3.0"
    # Where a real rpm-ostree runs, this compares it with itself; the lab's stand-in must not differ from it.
    for name, status in (("upgrade-staged", staged_status), ("after-upgrade-reboot", booted_status)):
        recorded = json.loads((ROOT / f"tests/recorded/client/status-{name}-json.json").read_text())
        # What the client came with, unsigned, is older than anything that was recorded.
        status["deployments"] = status["deployments"][: len(recorded["deployments"])]
        assert differences(recorded, status) == []


def test_local_changes_in_etc_survive(followed: Lab) -> None:
    followed.ssh("dev1", "echo 'mine' | sudo tee /etc/hello-local.conf /etc/only-here.conf")
    new_build(followed, "hello", "3.1")
    followed.pyinfra("tasks/upgrade.py", "-y", "--limit", "dev1", "--data", "reboot=yes")
    assert followed.ssh("dev1", "cat /etc/hello-local.conf /etc/only-here.conf").out.split() == [
        "mine",
        "mine",
    ]
    assert followed.ssh("dev1", "hello").out.strip() == "hello 3.1"


def test_from_prod_to_dev_and_back(followed: Lab) -> None:
    followed.pyinfra(
        "tasks/rebase.py", "-y", "--limit", "stable1", "--data", "to=dev", "--data", "reboot=yes"
    )
    assert followed.booted("stable1")["origin"] == f"kinoite-dev:{HOME}/dev"
    assert followed.booted("stable1")["checksum"] == served(followed, "dev")
    followed.pyinfra("tasks/rebase.py", "-y", "--limit", "stable1", "--data", "reboot=yes")
    assert followed.booted("stable1")["origin"] == f"kinoite-prod:{HOME}/stable"
    assert followed.booted("stable1")["checksum"] == served(followed, "stable")


def test_a_changed_remote_and_a_foreign_key_are_corrected(followed: Lab) -> None:
    followed.ssh(
        "pilot1",
        "sudo sed -i 's#^url=.*#url=https://elsewhere.invalid/repo#; s/^gpg-verify=.*/gpg-verify=false/'"
        " /etc/ostree/remotes.d/kinoite-prod.conf",
    )
    foreign = followed.server("base64 -w0 /srv/ostree/rpm-ostree/keys/dev.gpg").out
    followed.ssh("pilot1", f"echo {foreign} | base64 -d | sudo ostree remote gpg-import --stdin kinoite-prod")
    followed.pyinfra("tasks/rebase.py", "-y", "--limit", "pilot1")
    remote = followed.ssh("pilot1", "sudo cat /etc/ostree/remotes.d/kinoite-prod.conf").out.replace(" ", "")
    assert "url=https://images.lab:8443/repo/kinoite/prod" in remote
    assert "gpg-verify=true" in remote
    keys = followed.ssh("pilot1", "sudo ostree remote gpg-list-keys kinoite-prod").out
    assert keys.count("Key:") == 1
    followed.pyinfra("tasks/upgrade.py", "-y", "--limit", "pilot1")


def test_a_client_with_another_key_is_refused(followed: Lab) -> None:
    new_build(followed, "hello", "3.2")
    followed.pyinfra("promote.py", "-y")
    foreign = followed.server("base64 -w0 /srv/ostree/rpm-ostree/keys/dev.gpg").out
    followed.ssh(
        "pilot1",
        f"echo {foreign} | base64 -d > /var/tmp/foreign.gpg; sudo ostree remote delete kinoite-prod;"
        " sudo ostree remote add --gpg-import=/var/tmp/foreign.gpg"
        " --set=tls-ca-path=/etc/ostree/certificates/kinoite-prod.crt"
        " kinoite-prod https://images.lab:8443/repo/kinoite/prod",
    )
    before = followed.client_status("pilot1")["deployments"]
    refused = followed.ssh("pilot1", "sudo rpm-ostree upgrade", check=False)
    assert refused.code != 0
    assert re.search("signature|public key", refused.text, re.IGNORECASE)
    assert [each["checksum"] for each in followed.client_status("pilot1")["deployments"]] == [
        each["checksum"] for each in before
    ]
    followed.pyinfra("tasks/rebase.py", "-y", "--limit", "pilot1")
    followed.pyinfra("tasks/upgrade.py", "-y", "--limit", "pilot1", "--data", "reboot=yes")
    assert followed.ssh("pilot1", "hello").out.strip() == "hello 3.2"


def test_an_unreachable_repository_is_one_line(followed: Lab) -> None:
    followed.server("systemctl stop apache2 || systemctl stop httpd")
    try:
        result = followed.pyinfra("tasks/upgrade.py", "-y", "--limit", "pilot1", check=False)
    finally:
        followed.server("systemctl start apache2 || systemctl start httpd")
    assert result.code != 0
    assert "Traceback" not in result.text
    assert "pilot1" in result.text


def test_one_bad_client_does_not_stop_the_others(followed: Lab) -> None:
    containers = {client["name"]: client["container"] for client in followed.state["clients"]}
    followed.command(
        "ssh",
        "dev1",
        "--",
        "sudo systemctl stop ssh.socket ssh.service || sudo systemctl stop sshd",
        check=False,
    )
    try:
        result = followed.pyinfra(
            "tasks/rebase.py", "-y", "--limit", "dev_clients", "--limit", "pilot_clients", check=False
        )
        shown = followed.pyinfra("tasks/status.py", "-y", check=False)
    finally:
        run(["docker", "restart", "-t", "1", containers["dev1"]])
        followed.command("up")
    assert result.code != 0
    assert "dev1" in result.text
    assert "Traceback" not in result.text
    assert "dev1" in shown.text
    assert "pilot1" in shown.text


def test_status_is_read_only_and_complete(followed: Lab) -> None:
    before = {client: followed.client_status(client)["deployments"] for client in FOLLOWS}
    result = followed.pyinfra("tasks/status.py", "-y")
    for client in FOLLOWS:
        assert client in result.text
    for name in ("dev", "pilot", "stable"):
        assert name in result.text
    assert {client: followed.client_status(client)["deployments"] for client in FOLLOWS} == before


@pytest.mark.parametrize("broken", ["break-sshd", "break-boot"])
def test_a_build_that_does_not_boot_falls_back_and_is_reported(followed: Lab, broken: str) -> None:
    """The image is composed with a package that breaks it; the client must end on the deployment it had."""
    good = followed.booted("dev1")["checksum"]
    local = "/etc/rpm-ostree/treefiles/kinoite-dev.local.yaml"
    followed.server(f"printf 'include: kinoite-dev.yaml\\npackages:\\n  - {broken}\\n' > {local}")
    try:
        followed.pyinfra("tasks/compose.py", "-y")
        bad = newest_build(followed)["checksum"]
        result = followed.pyinfra(
            "tasks/upgrade.py", "-y", "--limit", "dev1", "--data", "reboot=yes", check=False, timeout=900
        )
    finally:
        followed.server(f"rm -f {local}")
    assert result.code != 0, "a client that fell back was reported as upgraded"
    assert "dev1" in result.text
    assert "Traceback" not in result.text
    assert followed.command("up").code == 0  # waits until every machine answers again
    assert followed.booted("dev1")["checksum"] == good != bad
    followed.pyinfra("tasks/compose.py", "-y")
    followed.pyinfra("tasks/upgrade.py", "-y", "--limit", "dev1", "--data", "reboot=yes")
    assert followed.booted("dev1")["checksum"] == newest_build(followed)["checksum"]


def test_status_as_json_agrees_with_server_and_clients(followed: Lab) -> None:
    document = json.loads(followed.pyinfra("tasks/status.py", "-y", "--data", "format=json").out)
    text = json.dumps(document)
    for name in ("pilot", "stable"):
        assert served(followed, name) in text
    for client in FOLLOWS:
        assert followed.booted(client)["checksum"] in text
