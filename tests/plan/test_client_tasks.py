"""tasks/rebase.py, upgrade.py and status.py through pyinfra's command line, on clients on paper."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from tests.command_output import answered
from tests.plan.fleet import (
    ARM,
    BEHIND,
    BOOT,
    BUILD,
    BUSY,
    GONE,
    GOOD,
    HOME,
    ILL,
    NEW,
    STATUS,
    changes,
    pyinfra,
    server,
)


def test_a_rebase_plans_trust_remote_and_reboot_for_who_needs_them(tmp_path: Path) -> None:
    run = pyinfra(
        tmp_path,
        ["tasks/rebase.py", "--dry", "--json", "--data", "reboot=yes"],
        {"good1": GOOD, "new1": NEW},
    )
    assert run.code == 0
    assert changes(run.document) == {
        "Declare the remote": ["@fake/new1"],
        "Rebase": ["@fake/new1"],
        "Reboot and check": ["@fake/new1"],
    }
    assert f"-> kinoite-prod:{HOME}/pilot 44.2 (bbbbbbbbbbbb)" in run.err


def test_a_rebase_elsewhere_says_that_older_is_accepted(tmp_path: Path) -> None:
    run = pyinfra(tmp_path, ["tasks/rebase.py", "--dry", "--data", "to=stable"], {"good1": GOOD})
    assert run.code == 0
    assert "a reboot is pending" in run.err
    assert f"kinoite-prod:{HOME}/pilot" in run.err
    assert f"-> kinoite-prod:{HOME}/stable 44.1" in run.err


def test_the_server_is_asked_also_outside_the_limit(tmp_path: Path) -> None:
    run = pyinfra(tmp_path, ["tasks/rebase.py", "--dry", "--json", "--limit", "clients"], {"new1": NEW})
    assert run.code == 0
    assert changes(run.document)["Rebase"] == ["@fake/new1"]


def test_one_bad_client_is_named_at_the_end_and_the_others_go_on(tmp_path: Path) -> None:
    run = pyinfra(
        tmp_path, ["tasks/rebase.py", "-y"], {"gone1": GONE, "busy1": BUSY, "new1": NEW, "good1": GOOD}
    )
    assert run.code == 1
    end = run.err[run.err.index("\nFailed:") :]
    assert "gone1: could not be reached" in end
    assert "@fake/busy1: busy: another rpm-ostree transaction is running (Upgrade)" in end
    assert "new1" not in end
    assert "good1" not in end


def test_a_client_of_another_architecture_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    run = pyinfra(tmp_path, ["tasks/rebase.py", "--dry", "--json"], {"arm1": ARM, "new1": NEW})
    assert run.code == 1
    assert changes(run.document)["Rebase"] == ["@fake/new1"]
    said = "@fake/arm1: the client is aarch64, its server's ostree_architecture says x86_64: "
    assert len([line for line in run.err.splitlines() if said in line]) == 1, run.err

    ours = ["--data", "ostree_architecture=aarch64"]
    run = pyinfra(tmp_path, ["tasks/rebase.py", "--dry", "--json", *ours], {"arm1": ARM, "new1": NEW})
    assert run.code == 1
    assert changes(run.document)["Rebase"] == ["@fake/arm1"]
    assert "-> kinoite-prod:fedora/aarch64/kinoite/pilot" in run.err
    assert "@fake/new1: the client is x86_64, its server's ostree_architecture says aarch64: " in run.err


def test_following_something_unknown_is_one_line(tmp_path: Path) -> None:
    run = pyinfra(tmp_path, ["tasks/rebase.py", "-y", "--data", "to=canary"], {"good1": GOOD})
    assert run.code == 1
    assert "canary" in run.err
    assert "prod/pilot" in run.err


def test_an_upgrade_plans_only_where_something_is_new(tmp_path: Path) -> None:
    run = pyinfra(
        tmp_path,
        ["tasks/upgrade.py", "--dry", "--json", "--data", "reboot=yes"],
        {"good1": GOOD, "behind1": BEHIND},
    )
    assert run.code == 0
    assert changes(run.document) == {"Upgrade": ["@fake/behind1"], "Reboot and check": ["@fake/behind1"]}


def test_nothing_to_upgrade_is_no_change(tmp_path: Path) -> None:
    run = pyinfra(tmp_path, ["tasks/upgrade.py", "-y", "--json", "--data", "reboot=yes"], {"good1": GOOD})
    assert run.code == 0
    assert [each["success"] for each in run.document["results"]["operations"]] == [[], []]


def test_status_lists_everything_and_everyone(tmp_path: Path) -> None:
    run = pyinfra(
        tmp_path,
        ["tasks/status.py", "-y"],
        {"good1": GOOD, "behind1": BEHIND, "new1": NEW, "gone1": GONE},
    )
    assert run.code == 1, "a client could not be reached"
    rows = {line.split("  ")[0]: line for line in run.out.splitlines() if line}
    assert "44.3" in rows["dev"]
    assert "1 added, 3 upgraded" in rows["prod/pilot"]
    assert "up to date" in rows["@fake/good1"]
    assert "behind" in rows["@fake/behind1"]
    assert "44.2 is there" in rows["@fake/behind1"]
    assert "follows something else" in rows["@fake/new1"]
    assert "unreachable" in rows["gone1"]
    assert "\x1b" not in run.out


def test_status_hands_in_what_is_new_about_health(tmp_path: Path) -> None:
    run = pyinfra(tmp_path, ["tasks/status.py", "-y"], {"ill1": ILL, "good1": GOOD})
    assert run.code == 0
    (row,) = [line for line in run.out.splitlines() if line.startswith("@fake/ill1")]
    assert "unhealthy: lab-ill.service" in row
    assert "Health to the server" in run.err


def test_status_hands_in_nothing_when_nothing_is_new_or_only_planned(tmp_path: Path) -> None:
    known = {
        "client": "@fake/ill1",
        "checksum": BUILD,
        "boot": BOOT,
        "state": "unhealthy",
        "system": "degraded",
        "failed": ["lab-ill.service"],
    }
    status: dict[str, Any] = copy.deepcopy(STATUS)
    status["environments"]["dev"]["reports"] = [{**known, "version": "44.3"}]
    run = pyinfra(
        tmp_path, ["tasks/status.py", "-y"], {"ill1": ILL}, servers=server() | {"status": answered(status)}
    )
    assert run.code == 0
    assert "Health to the server" not in run.err
    refused = server() | {"report-health": answered({"error": "reports: format 1 is wanted"})}
    dry = pyinfra(tmp_path, ["tasks/status.py", "--dry"], {"ill1": ILL}, servers=refused)
    assert dry.code == 0, "a plan hands in nothing"
    real = pyinfra(tmp_path, ["tasks/status.py", "-y"], {"ill1": ILL}, servers=refused)
    assert real.code == 1
    assert "health not recorded: reports: format 1 is wanted" in real.err


def test_status_as_json_is_one_document(tmp_path: Path) -> None:
    run = pyinfra(tmp_path, ["tasks/status.py", "-y", "--data", "format=json"], {"good1": GOOD})
    assert run.code == 0
    document = run.document
    assert document["servers"]["@fake/server"]["environments"]["dev"]["build"]["version"] == "44.3"
    row = document["clients"][0]
    assert (row["name"], row["state"], row["follows"]) == ("@fake/good1", "up to date", "prod/pilot")
    assert row["booted"]["version"] == "44.x"


def test_a_wrong_argument_is_one_line_however_many_hosts_there_are(tmp_path: Path) -> None:
    for entry in ("tasks/rebase.py", "tasks/upgrade.py", "tasks/status.py", "promote.py", "tasks/compose.py"):
        run = pyinfra(
            tmp_path, [entry, "-y", "--data", "nosuch=1"], {"good1": GOOD, "new1": NEW, "busy1": BUSY}
        )
        assert run.code == 1
        assert run.err.count("nosuch=1") == 1
