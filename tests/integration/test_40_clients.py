"""Workstations that boot what was promoted: rebase, upgrade, switching, falling back, refusing."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.driver import HOME, ROOT, Lab, Result, changed_operations
from tests.shapes import differences

STATION = "followed"

FOLLOWS = {
    "dev1": ("kinoite-dev", "dev"),
    "pilot1": ("kinoite-prod", "pilot"),
    "stable1": ("kinoite-prod", "stable"),
}


def served(lab: Lab, follows: str) -> str:
    """Return the checksum that a client following `follows` should run."""
    if follows == "dev":
        return str(lab.newest_build()["checksum"])
    return str(lab.tip(follows)["checksum"])


@pytest.mark.parametrize("client", FOLLOWS)
def test_every_client_runs_what_it_follows(lab: Lab, client: str) -> None:
    remote, name = FOLLOWS[client]
    booted = lab.booted(client)
    assert booted["origin"] == f"{remote}:{HOME}/{name}"
    assert booted["checksum"] == served(lab, name)
    assert lab.ssh(client, "hello").out.startswith("hello ")


@pytest.mark.parametrize("database", ["passwd", "group"])
def test_users_and_groups_have_the_numbers_of_the_list(lab: Lab, database: str) -> None:
    listed = lab.server(f"cut -d: -f1,3 /var/lib/ostree-release/accounts/dev/{database}").out.split()
    assert len(listed) > 20
    names = " ".join(line.partition(":")[0] for line in listed)
    there = lab.ssh("dev1", f"getent {database} {names} | cut -d: -f1,3").out.split()
    assert sorted(there) == sorted(listed)


def test_the_client_verifies_signatures_and_tls(lab: Lab) -> None:
    booted = lab.booted("stable1")
    assert booted["gpg-enabled"] is True
    assert booted["signatures"], "the booted commit carries no signature"
    assert booted["signatures"][0][0] is True  # libostree: the signature is valid
    fingerprint = lab.server(
        "gpg --batch --homedir $(mktemp -d) --show-keys --with-colons /srv/ostree/rpm-ostree/keys/prod.gpg | grep ^fpr"
    ).out.split(":")[9]
    assert booted["signatures"][0][5] == fingerprint
    remote = lab.ssh("stable1", "sudo cat /etc/ostree/remotes.d/kinoite-prod.conf").out
    assert "gpg-verify=true" in remote.replace(" ", "")
    assert "tls-ca-path" in remote


def test_following_already_is_no_change(lab: Lab) -> None:
    ids = {client: lab.boot_id(client) for client in FOLLOWS}
    assert changed_operations(lab.pyinfra("tasks/rebase.py", "-y", "--json", "--data", "reboot=yes")) == []
    assert changed_operations(lab.pyinfra("tasks/upgrade.py", "-y", "--json", "--data", "reboot=yes")) == []
    assert {client: lab.boot_id(client) for client in FOLLOWS} == ids


@dataclass(frozen=True)
class Upgraded:
    """hello 3.0 on pilot1, first staged and then booted; what each step left, in `rpm-ostree status --json`."""

    said: str
    boot_ids: list[str]
    states: list[dict[str, Any]]
    wanted: str


@pytest.fixture(scope="module")
def upgraded(lab: Lab) -> Upgraded:
    """Upgrade pilot1 in two steps, and dev1, where somebody has changed /etc, along with the second one."""
    lab.quick_build({"hello": "3.0"})
    lab.pyinfra("promote.py", "-y")
    states, boot_ids = [lab.client_status("pilot1")], [lab.boot_id("pilot1")]
    lab.ssh("dev1", "echo 'mine' | sudo tee /etc/hello-local.conf /etc/only-here.conf")
    staged = lab.pyinfra("tasks/upgrade.py", "-y", "--limit", "pilot1")
    states.append(lab.client_status("pilot1"))
    boot_ids.append(lab.boot_id("pilot1"))
    lab.pyinfra("tasks/upgrade.py", "-y", "--limit", "pilot1", "--limit", "dev1", "--data", "reboot=yes")
    states.append(lab.client_status("pilot1"))
    boot_ids.append(lab.boot_id("pilot1"))
    return Upgraded(staged.text, boot_ids, states, served(lab, "pilot"))


def test_an_upgrade_is_staged_then_booted(lab: Lab, upgraded: Upgraded) -> None:
    before, staged, after = (
        next(each["checksum"] for each in status["deployments"] if each["booted"])
        for status in upgraded.states
    )
    assert "hello" in upgraded.said
    assert staged == before != upgraded.wanted
    assert upgraded.boot_ids[1] == upgraded.boot_ids[0]
    pending = upgraded.states[1]["deployments"][0]
    assert (pending["booted"], pending["checksum"]) == (False, upgraded.wanted)
    assert upgraded.boot_ids[2] != upgraded.boot_ids[1]
    assert after == upgraded.wanted
    assert lab.ssh("pilot1", "hello").out.strip() == "hello 3.0"
    # Where a real rpm-ostree runs, this compares it with itself; the lab's stand-in must not differ from it.
    for name, status in zip(("upgrade-staged", "after-upgrade-reboot"), upgraded.states[1:], strict=True):
        recorded = json.loads((ROOT / f"tests/recorded/client/status-{name}-json.json").read_text())
        # What the client came with, unsigned, is older than anything that was recorded.
        deployments = status["deployments"][: len(recorded["deployments"])]
        assert differences(recorded, {**status, "deployments": deployments}) == []


def test_local_changes_in_etc_survive(lab: Lab, upgraded: Upgraded) -> None:
    assert lab.ssh("dev1", "cat /etc/hello-local.conf /etc/only-here.conf").out.split() == [
        "mine",
        "mine",
    ]
    assert lab.ssh("dev1", "hello").out.strip() == "hello 3.0"


def test_from_prod_to_dev_and_back(lab: Lab) -> None:
    lab.pyinfra("tasks/rebase.py", "-y", "--limit", "stable1", "--data", "to=dev", "--data", "reboot=yes")
    assert lab.booted("stable1")["origin"] == f"kinoite-dev:{HOME}/dev"
    assert lab.booted("stable1")["checksum"] == served(lab, "dev")
    lab.pyinfra("tasks/rebase.py", "-y", "--limit", "stable1", "--data", "reboot=yes")
    assert lab.booted("stable1")["origin"] == f"kinoite-prod:{HOME}/stable"
    assert lab.booted("stable1")["checksum"] == served(lab, "stable")


def test_a_changed_remote_and_a_foreign_key_are_corrected(lab: Lab) -> None:
    lab.ssh(
        "pilot1",
        "sudo sed -i 's#^url=.*#url=https://elsewhere.invalid/repo#; s/^gpg-verify=.*/gpg-verify=false/'"
        " /etc/ostree/remotes.d/kinoite-prod.conf",
    )
    foreign = lab.server("base64 -w0 /srv/ostree/rpm-ostree/keys/dev.gpg").out
    lab.ssh("pilot1", f"echo {foreign} | base64 -d | sudo ostree remote gpg-import --stdin kinoite-prod")
    lab.pyinfra("tasks/rebase.py", "-y", "--limit", "pilot1")
    remote = lab.ssh("pilot1", "sudo cat /etc/ostree/remotes.d/kinoite-prod.conf").out.replace(" ", "")
    assert "url=https://images.lab:8443/repo/kinoite/prod" in remote
    assert "gpg-verify=true" in remote
    keys = lab.ssh("pilot1", "sudo ostree remote gpg-list-keys kinoite-prod").out
    assert keys.count("Key:") == 1
    lab.pyinfra("tasks/upgrade.py", "-y", "--limit", "pilot1")


def test_a_client_with_another_key_is_refused(lab: Lab) -> None:
    lab.quick_build({"hello": "3.2"})
    lab.pyinfra("promote.py", "-y")
    foreign = lab.server("base64 -w0 /srv/ostree/rpm-ostree/keys/dev.gpg").out
    lab.ssh(
        "pilot1",
        f"echo {foreign} | base64 -d > /var/tmp/foreign.gpg; sudo ostree remote delete kinoite-prod;"
        " sudo ostree remote add --gpg-import=/var/tmp/foreign.gpg"
        " --set=tls-ca-path=/etc/ostree/certificates/kinoite-prod.crt"
        " kinoite-prod https://images.lab:8443/repo/kinoite/prod",
    )
    before = lab.client_status("pilot1")["deployments"]
    refused = lab.ssh("pilot1", "sudo rpm-ostree upgrade", check=False)
    assert refused.code != 0
    assert re.search("signature|public key", refused.text, re.IGNORECASE)
    assert [each["checksum"] for each in lab.client_status("pilot1")["deployments"]] == [
        each["checksum"] for each in before
    ]
    lab.pyinfra("tasks/rebase.py", "-y", "--limit", "pilot1")
    lab.pyinfra("tasks/upgrade.py", "-y", "--limit", "pilot1", "--data", "reboot=yes")
    assert lab.ssh("pilot1", "hello").out.strip() == "hello 3.2"


def test_an_unreachable_repository_is_one_line(lab: Lab) -> None:
    lab.server("systemctl stop apache2 || systemctl stop httpd")
    try:
        result = lab.pyinfra("tasks/upgrade.py", "-y", "--limit", "pilot1", check=False)
    finally:
        lab.server("systemctl start apache2 || systemctl start httpd")
    assert result.code != 0
    assert "Traceback" not in result.text
    assert re.search("^ *pilot1: repository unreachable: ", result.text, re.MULTILINE), result.text


def test_one_bad_client_does_not_stop_the_others(lab: Lab) -> None:
    lab.command(
        "ssh",
        "dev1",
        "--",
        "sudo systemctl stop ssh.socket ssh.service || sudo systemctl stop sshd",
        check=False,
    )
    try:
        result = lab.pyinfra(
            "tasks/rebase.py", "-y", "--limit", "dev_clients", "--limit", "pilot_clients", check=False
        )
        shown = lab.pyinfra("tasks/status.py", "-y", check=False)
    finally:
        lab.restart("dev1")
        lab.command("up")
    assert result.code != 0
    assert "Traceback" not in result.text
    assert re.search("^ *dev1: ", result.text, re.MULTILINE), "the last lines do not name who failed"
    rows = {line.split()[0]: line for line in shown.out.splitlines() if line}
    assert "unreachable" in rows["dev1"]
    assert "prod/pilot" in rows["pilot1"]


def test_status_is_read_only_and_complete(lab: Lab) -> None:
    before = {client: lab.client_status(client)["deployments"] for client in FOLLOWS}
    shown = lab.pyinfra("tasks/status.py", "-y").out.splitlines()
    rows = {line.split()[0]: line.split() for line in shown if line}
    for name, follows in (("dev", "dev"), ("prod/pilot", "pilot"), ("prod/stable", "stable")):
        assert rows[name][2] == served(lab, follows)[:12], rows[name]
    for client, (remote, name) in FOLLOWS.items():
        assert rows[client][1] == ("dev" if remote == "kinoite-dev" else f"prod/{name}"), rows[client]
        assert f"({before[client][0]['checksum'][:12]})" in rows[client], rows[client]
    assert {client: lab.client_status(client)["deployments"] for client in FOLLOWS} == before


@dataclass(frozen=True)
class FallenBack:
    """How the upgrade of a client to an image that does not come up ended."""

    client: str
    result: Result
    good: str
    bad: str
    booted: str
    tree_of: str  # the build that the broken one was made from


BROKEN: dict[str, dict[str, Any]] = {
    "break-sshd": {"packages": {"break-sshd": "1"}},  # the SSH server does not start: the health check fails
    "break-boot": {"remove": ["/usr/lib/systemd/systemd"]},  # there is no init to start
}


@pytest.fixture(scope="module")
def fallen_back(lab: Lab) -> dict[str, FallenBack]:
    """Upgrade two clients to a broken image each, at the same time, and wait until both answer again."""
    good = lab.newest_build()["checksum"]
    begun = {}
    for (broken, change), client in zip(BROKEN.items(), ("dev1", "dev2"), strict=True):
        before = lab.booted(client)["checksum"]
        bad = lab.quick_build(tree_of=good, **change)["checksum"]
        powered, deadline = lab.started_at(client), time.monotonic() + 120
        process = lab.start_pyinfra("tasks/upgrade.py", "-y", "--limit", client, "--data", "reboot=yes")
        while lab.started_at(client) == powered:  # from then on another build may take its place
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, f"{client} was not rebooted"
            time.sleep(0.2)
        begun[broken] = (client, before, bad, process)
    ended = {broken: process.communicate(timeout=600)[0] for broken, (*_, process) in begun.items()}
    lab.command("up")  # waits until every machine answers again
    return {
        broken: FallenBack(
            client,
            Result(process.returncode, ended[broken], ""),
            before,
            bad,
            lab.booted(client)["checksum"],
            good,
        )
        for broken, (client, before, bad, process) in begun.items()
    }


@pytest.mark.parametrize("broken", BROKEN)
def test_a_build_that_does_not_boot_falls_back_and_is_reported(
    lab: Lab, fallen_back: dict[str, FallenBack], broken: str
) -> None:
    """The client must end on the deployment it had, and go on from there to the next image that boots."""
    fall = fallen_back[broken]
    assert fall.result.code != 0, "a client that fell back was reported as upgraded"
    assert re.search(rf"{fall.client}.*fell back", fall.result.text), fall.result.text
    assert "Traceback" not in fall.result.text
    assert fall.booted == fall.good != fall.bad


def test_after_falling_back_the_next_image_that_boots_is_taken(
    lab: Lab, fallen_back: dict[str, FallenBack]
) -> None:
    good = {fall.tree_of for fall in fallen_back.values()}.pop()
    mended = lab.quick_build({"hello": "3.9"}, tree_of=good)["checksum"]
    lab.pyinfra("tasks/upgrade.py", "-y", "--limit", "dev1", "--limit", "dev2", "--data", "reboot=yes")
    assert [lab.booted(client)["checksum"] for client in ("dev1", "dev2")] == [mended, mended]


def test_status_as_json_agrees_with_server_and_clients(lab: Lab) -> None:
    document = json.loads(lab.pyinfra("tasks/status.py", "-y", "--data", "format=json").out)
    text = json.dumps(document)
    for name in ("pilot", "stable"):
        assert served(lab, name) in text
    for client in FOLLOWS:
        assert lab.booted(client)["checksum"] in text
