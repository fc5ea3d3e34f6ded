"""Composing: by the laptop, without change, interrupted, refused."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path

from tests.integration.driver import HOME, TYPED, Lab, changed_operations

STATION = "composed"

DEV = "/srv/ostree/rpm-ostree/dev"
REF = f"{HOME}/dev"
TREEFILES = "/etc/rpm-ostree/treefiles"
LOCAL = f"{TREEFILES}/kinoite-dev.local.yaml"


def test_a_build_is_versioned_signed_and_listed(lab: Lab) -> None:
    first_build = lab.newest_build()
    assert re.fullmatch(r"44\.\d{8}\.\d+", first_build["version"])
    shown = lab.server(f"ostree --repo={DEV} show {REF}").out
    assert first_build["checksum"] in shown
    assert first_build["version"] in shown
    summary = lab.server(f"ostree --repo={DEV} summary -v").out
    assert first_build["checksum"] in summary
    verified = lab.server(
        "d=$(mktemp -d); cp /srv/ostree/rpm-ostree/keys/dev.gpg $d/pubring.gpg;"
        f" ostree --repo={DEV} show --gpg-homedir=$d {REF}",
    ).text
    assert "Good signature" in verified
    lab.server(f"ostree --repo={DEV} fsck")


def test_nothing_new_is_said_and_builds_nothing(lab: Lab) -> None:
    before = lab.newest_build()
    result = lab.pyinfra("tasks/compose.py", "-y")
    assert lab.newest_build() == before
    assert re.search(r"no changes|unchanged|nothing new", result.text, re.IGNORECASE)


def test_a_lost_signature_and_summary_come_back_without_a_new_build(lab: Lab) -> None:
    build = lab.newest_build()["checksum"]
    lab.server(f"rm -f {DEV}/objects/{build[:2]}/{build[2:]}.commitmeta {DEV}/summary")
    lab.pyinfra("tasks/compose.py", "-y")
    assert lab.newest_build()["checksum"] == build
    assert lab.newest_build()["signed"] is True
    assert build in lab.server(f"ostree --repo={DEV} summary -v").out


def test_an_environment_that_promotes_is_not_composed(lab: Lab) -> None:
    result = lab.pyinfra("tasks/compose.py", "-y", "--data", "environment=prod", check=False)
    assert result.code != 0
    assert "prod is not composed: it gets its images by promotion from dev" in result.text
    assert "Traceback" not in result.text


def test_too_little_free_space_is_refused_with_both_numbers(lab: Lab) -> None:
    lab.server(
        "cd /etc/ostree-release; cp -p config.json /root/config.json;"
        " python3 -c \"import json; p='config.json'; d=json.load(open(p)); d['minimum_free_bytes']=10**16; json.dump(d, open(p,'w'))\""
    )
    try:
        result = lab.pyinfra("tasks/compose.py", "-y", check=False)
    finally:
        lab.server("cp -p /root/config.json /etc/ostree-release/config.json")
    assert result.code != 0
    assert len(re.findall(r"\d[\d.,]* ?[KMGTP]?i?B", result.text)) >= 2, result.text


def test_a_misspelt_key_in_a_json_treefile_is_refused(lab: Lab) -> None:
    lab.server(f"printf 'include: kinoite-dev.yaml\\npakages:\\n  - hello\\n' > {LOCAL}")
    try:
        result = lab.pyinfra("tasks/compose.py", "-y", check=False)
    finally:
        lab.server(f"rm {LOCAL}")
    assert result.code != 0
    assert "pakages" in result.text


def test_a_local_treefile_is_read_and_may_not_change_the_ref(lab: Lab) -> None:
    lab.server(f"printf 'include: kinoite-dev.yaml\\nref: {HOME}/other\\n' > {LOCAL}")
    try:
        result = lab.pyinfra("tasks/compose.py", "-y", check=False)
        assert result.code != 0
        assert f"{HOME}/other" in result.text
        assert lab.pyinfra("deploy.py", "-y").code == 0
        assert "other" in lab.server(f"cat {LOCAL}").out, "deploy.py touched the local treefile"
    finally:
        lab.server(f"rm -f {LOCAL}")


def test_a_folder_of_the_laptop_lies_beside_the_treefile(lab: Lab, tmp_path: Path) -> None:
    """Somebody's own manifest: the package comes from the include alone, files and a script from the folder."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more/motd").write_text("of the folder\n")
    (tmp_path / "more/finish.sh").write_text(
        "#!/bin/sh\nset -e\ncat /etc/folder-motd > /usr/share/finished\n"
    )
    (tmp_path / "more/finish.sh").chmod(0o755)
    (tmp_path / "more.yaml").write_text(
        "packages: [hello]\nadd-files:\n  - [more/motd, /etc/folder-motd]\npostprocess-script: more/finish.sh\n"
    )
    options = {"selinux": False, "include": "more.yaml"}
    settings = (
        *("--data", f"ostree_treefile_folder={tmp_path}", "--data", "ostree_additional_packages=[]"),
        *("--data", f"ostree_treefile_options={json.dumps(options)}"),
    )
    found = f"cd {TREEFILES}; find . -type f ! -name '*.repo' -printf '%m %p\\n' | sort -k 2"
    ours = lab.server(found).out.splitlines()
    try:
        lab.pyinfra("deploy.py", "-y", *settings)
        there = ["644 ./.folder", *ours, "755 ./more/finish.sh", "644 ./more/motd", "644 ./more.yaml"]
        assert sorted(lab.server(found).out.splitlines()) == sorted(there)
        assert changed_operations(lab.pyinfra("deploy.py", "-y", "--json", *settings)) == []
        lab.pyinfra("tasks/compose.py", "-y")
        build = lab.newest_build()["checksum"]
        for path in ("/usr/etc/folder-motd", "/usr/share/finished"):
            assert lab.server(f"ostree --repo={DEV} cat {build} {path}").out == "of the folder\n"
        assert "/usr/bin/hello" in lab.server(f"ostree --repo={DEV} ls {build} /usr/bin/hello").out
        composed = [entry for entry in lab.ask("log")["entries"] if "treefiles" in entry]
        assert "folder" in composed[-1]["treefiles"]

        lab.server(f"echo changed > {TREEFILES}/more/motd; chmod 600 {TREEFILES}/more/finish.sh")
        (tmp_path / "more/motd").write_text("of the folder, changed\n")
        lab.pyinfra("deploy.py", "-y", *settings)
        assert sorted(lab.server(found).out.splitlines()) == sorted(there)
        lab.pyinfra("tasks/compose.py", "-y")
        changed = lab.newest_build()["checksum"]
        shown = lab.server(f"ostree --repo={DEV} cat {changed} /usr/share/finished").out
        assert shown == "of the folder, changed\n"
    finally:
        lab.server(f"mkdir -p {TREEFILES}/more; touch {TREEFILES}/more/by-hand")
        lab.pyinfra("deploy.py", "-y")
        left = lab.server(found).out.splitlines()
        lab.server(f"rm -r {TREEFILES}/more")
    assert sorted(left) == sorted([*ours, "644 ./more/by-hand"]), "what the administrator put there stays"


def test_a_name_that_is_taken_is_refused_before_anything_is_done(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "kinoite.repo").touch()
    result = lab.pyinfra("deploy.py", "-y", "--data", f"ostree_treefile_folder={tmp_path}", check=False)
    assert result.code == 1
    assert f"ostree_treefile_folder = '{tmp_path}': must be a folder without 'kinoite.repo'" in result.text
    assert "Traceback" not in result.text
    assert "Connecting" not in result.text


def test_interrupted_on_the_laptop_the_compose_goes_on(lab: Lab) -> None:
    lab.command("publish", "hello", "1.1")
    before = lab.newest_build()["checksum"]
    process = lab.start_pyinfra("tasks/compose.py", "-y")
    unit = "ostree-release-compose@dev.service"
    deadline = time.monotonic() + 60
    while "activating" not in lab.server(f"systemctl is-active {unit}", check=False).out:
        assert time.monotonic() < deadline, "the compose did not start"
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode != 0, said
    assert f"goes on on server. To follow it again: {TYPED} inventories/lab.py tasks/compose.py -y" in said
    attached = lab.pyinfra("tasks/compose.py", "-y")
    build = lab.newest_build()
    assert build["checksum"] != before
    assert build["version"] in attached.text


def test_a_failed_compose_says_why_each_time(lab: Lab) -> None:
    lab.server(f"printf 'include: kinoite-dev.yaml\npackages:\n  - nosuch\n' > {LOCAL}")
    words = "rpm-ostree ended with exit status 1: error: Installing packages: Packages not found: nosuch"
    try:
        for _ in range(2):
            result = lab.server("ostree-release compose dev", check=False)
            assert result.code == 1
            lines = result.text.splitlines()
            assert lines.count("error: Installing packages: Packages not found: nosuch") == 1, "in its output"
            assert f"ostree-release: compose of dev: {words}" in lines
        result = lab.pyinfra("tasks/compose.py", "-y", check=False)
    finally:
        lab.server(f"rm {LOCAL}")
    assert result.code != 0
    assert words in result.text


def test_an_rpm_ostree_that_is_killed_and_a_unit_that_is_stopped_say_so(lab: Lab) -> None:
    lab.command("publish", "hello", "1.1.5")
    unit = "ostree-release-compose@dev.service"
    running = "until pgrep -f '[r]pm-ostree compose tree.*--unified-core' >/dev/null; do sleep 0.1; done"
    for how, words in (
        ("pkill -KILL -f '[r]pm-ostree compose tree.*--unified-core'", "rpm-ostree was killed by SIGKILL"),
        (f"systemctl stop {unit}", "stopped by SIGTERM"),
    ):
        result = lab.server(f"({running}; {how}) & ostree-release compose dev", check=False)
        assert result.code == 1
        assert words in result.text.splitlines()[-1]
        assert "Traceback" not in result.text


def test_leftovers_of_a_killed_compose_are_removed(lab: Lab) -> None:
    lab.command("publish", "hello", "1.2")
    unit = "ostree-release-compose@dev.service"
    cache = "/var/cache/ostree-release/dev"
    lab.server(f"mkdir -p {cache}/rpm-ostree-compose.AbCdEf; touch {cache}/rpm-ostree-compose.AbCdEf/big")
    # The real rpm-ostree has its work in the unit's /tmp only later on; this is there from the beginning.
    within = f"nsenter -m -t $(systemctl show --value -p MainPID {unit})"
    lab.server(
        f"systemctl start --no-block {unit}; sleep 1.5; "
        f"{within} touch /tmp/rpmostree-core-AbCdEf /var/tmp/rpmostree-core-AbCdEf && "
        f"systemctl kill -s KILL {unit}; sleep 0.5"
    )
    said = lab.server(f"journalctl -q -n 20 -o cat -u {unit}").out
    assert lab.server(f"systemctl show --value -p Result {unit}").out.strip() == "signal", said
    lab.server(f"systemctl reset-failed {unit}")
    assert lab.server("find /tmp /var/tmp -name 'rpmostree-*'; grep rofiles /proc/mounts || true").out == ""
    lab.server(f"printf 'include: kinoite-dev.yaml\\npackages:\\n  - break-boot\\n' > {LOCAL}")
    try:
        lab.pyinfra("tasks/compose.py", "-y")
    finally:
        lab.server(f"rm {LOCAL}")
    assert lab.server(f"ls {cache} | grep rpm-ostree-compose || true").out == ""
    lab.server(f"ostree --repo={DEV} fsck")
    assert lab.server(f"ostree --repo={DEV} ls {REF} /usr/lib/systemd/systemd", check=False).code != 0, (
        "the local treefile's package was not installed, or its script did not run"
    )


def test_the_timer_composes_as_the_timer(lab: Lab) -> None:
    lab.server("systemctl start ostree-release-compose@dev.service")
    entries = lab.ask("log")["entries"]
    composed = [entry for entry in entries if entry.get("action") == "compose"]
    assert [(entry["event"], entry["actor"]) for entry in composed[-2:]] == [
        ("intent", "timer"),
        ("done", "timer"),
    ]
