"""Attacks on who may do what: everything in attacks.py is tried, must be refused, and must change nothing."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from lab import connection, state
from tests.integration.attacks import (
    ATTACKS,
    BASE,
    CI_ATTACKS,
    CONFIG,
    GIVEN,
    LIBEXEC,
    STATE,
    TRAP,
    TRAPPED,
    TRAPS,
    WORKS,
    CiAttack,
)
from tests.integration.driver import Lab, Result, run

STATION = "composed"

CI_USER = "ostree-ci"
# Owner, mode, size or content of everything that an attack could be after; times where content would be long.
EVIDENCE = f"""
cd /
find etc/ostree-release usr/libexec/ostree-release usr/sbin/ostree-release etc/sudoers.d etc/ssh etc/rpm-ostree \
    run/ostree-release {STATE[1:]} etc/systemd/system etc/passwd etc/group etc/shadow etc/crontab etc/cron.d var/spool/cron \
    {BASE[1:]}/keys {BASE[1:]}/dev/config {BASE[1:]}/prod/config {BASE[1:]}/prod/refs {BASE[1:]}/dev/refs \
    -not -name '*.lock' -not -path '*/declared/*' 2>/dev/null > /tmp/evidence || true
xargs -d '\\n' stat -c '%n %F %U:%G %a %N' < /tmp/evidence
xargs -d '\\n' sha256sum < /tmp/evidence 2>/dev/null || true
find {BASE[1:]} -printf '%p %U:%G %m\\n' | sort
for repo in dev prod; do ostree --repo=/{BASE[1:]}/$repo refs --revision; done
find tmp run srv etc {STATE[1:]} -xdev -perm -002 -not -type l -not -type s -not -type p -not -perm -1000 2>/dev/null || true
systemctl list-units --all --plain --no-legend --type=service,timer | awk '/compose@|gate@|apache|httpd/ {{print $1, $3}}' | sort
ls {TRAP} 2>/dev/null || true
"""


@dataclass(frozen=True)
class Ci:
    """A key of the CI that the server was told about: its file and its fingerprint."""

    lab: Lab
    file: str
    fingerprint: str

    def command(self, *options: str) -> list[str]:
        """Return the ssh command line that reaches the server as the CI's user, with its key."""
        folder = state.Lab(self.lab.name)
        command = connection.command(folder, state.read(folder).machine("server"), [], CI_USER)
        command[command.index("-i") + 1] = self.file
        return [command[0], "-o", "BatchMode=yes", *options, *command[1:]]

    def ssh(self, attack: CiAttack, stdin: str | None = None) -> Result:
        """Ask the server for a command as the CI's user."""
        asked = [] if attack.command is None else [attack.command]
        return run([*self.command(*attack.options), *asked], check=False, timeout=60, stdin=stdin)


def evidence(lab: Lab) -> list[str]:
    return lab.server(EVIDENCE).out.splitlines()


@pytest.fixture(scope="module")
def ci(lab: Lab) -> Iterator[Ci]:
    """Let a key of the CI in; afterwards, take it away again."""
    file = lab.folder / "ci-key"
    for old in lab.folder.glob("ci-key*"):
        old.unlink()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ci", "-f", file], check=True)
    public = file.with_suffix(".pub").read_text().strip()
    keys = {"attacks": {"key": public, "subcommands": list(GIVEN)}}
    lab.pyinfra("deploy.py", "-y", "--data", f"ostree_ci_keys={json.dumps(keys)}")
    listed = run(["ssh-keygen", "-l", "-f", f"{file}.pub"]).out
    yield Ci(lab, str(file), listed.split()[1])
    lab.pyinfra("deploy.py", "-y")


@pytest.fixture(scope="module")
def tried(ci: Ci) -> dict[str, dict[str, Result]]:
    """Let every login try all of its attacks in one session, and the CI's key its own; fails if any changed a thing."""
    lab = ci.lab
    for login in ATTACKS:
        lab.ssh("server", TRAPS, login=login)
    before = evidence(lab)

    def session(login: str) -> dict[str, Result]:
        commands = {name: attack.command for name, attack in ATTACKS[login].items()}
        return lab.session(login, commands, before=f"cd ~/traps; export TRAP={TRAP}")

    with ThreadPoolExecutor(4) as pool:
        by_login = pool.map(session, ATTACKS)
        by_ci = pool.map(ci.ssh, CI_ATTACKS.values())
        results = dict(zip(ATTACKS, by_login, strict=True))
        results[CI_USER] = dict(zip(CI_ATTACKS, by_ci, strict=True))
    assert evidence(lab) == before, "an attack changed something"
    return results


@pytest.mark.parametrize(("login", "name"), [(login, name) for login in ATTACKS for name in ATTACKS[login]])
def test_what_a_login_tries_is_refused(tried: dict[str, dict[str, Result]], login: str, name: str) -> None:
    _was_refused(tried[login][name], ATTACKS[login][name].says)


@pytest.mark.parametrize("name", CI_ATTACKS)
def test_what_a_key_of_the_ci_tries_is_refused(tried: dict[str, dict[str, Result]], name: str) -> None:
    _was_refused(tried[CI_USER][name], CI_ATTACKS[name].says)


def _was_refused(result: Result, says: str) -> None:
    assert result.code != 0, result.text
    assert re.search(says, result.text), result.text
    assert "Traceback" not in result.text
    assert "internal error" not in result.text
    assert "uid=" not in result.text


@pytest.mark.parametrize("login", WORKS)
def test_what_a_caller_brings_has_no_effect(tried: object, ci: Ci, login: str) -> None:
    before = evidence(ci.lab)
    done = ci.lab.ssh("server", TRAPPED + WORKS[login], login=login)
    assert isinstance(json.loads(done.out.splitlines()[-1]), dict)
    assert evidence(ci.lab) == before


def test_a_key_of_the_ci_runs_what_it_was_given(ci: Ci) -> None:
    done = ci.ssh(CiAttack("status --json", ""))
    assert "prod" in json.loads(done.out)["environments"], done.text
    assert "PTY allocation request failed" in ci.ssh(CiAttack("status", "", ("-tt",))).text


def test_who_acted_is_the_key_not_what_it_says(ci: Ci) -> None:
    said = CiAttack("report-health --json", "", ("-o", "SetEnv=SUDO_USER=root SUDO_UID=0"))
    ci.ssh(said, stdin=_report(ci.lab, "1"))
    assert _last_reporter(ci.lab, "1") == f"ci:attacks {ci.fingerprint}"


def test_who_acted_is_the_login_and_not_only_whom_it_became(ci: Ci) -> None:
    lab = ci.lab
    for boot, script, actor in (
        ("2", f"sudo -n -u ostree-prod {LIBEXEC}/promoter report-health", "promoter"),
        (
            "3",
            f"SUDO_UID=0 SUDO_USER=root sudo -n -u ostree-prod {LIBEXEC}/promoter report-health",
            "promoter",
        ),
        (
            "4",
            f"sudo -n -u promoter sudo -n -u ostree-prod {LIBEXEC}/promoter report-health",
            "admin (as promoter)",
        ),
        ("5", "sudo -n env -u SUDO_UID ostree-release report-health", "admin"),
    ):
        login = "admin" if "admin" in actor else "promoter"
        lab.ssh("server", f"printf %s '{_report(lab, boot)}' | {script}", login=login)
        assert _last_reporter(lab, boot) == actor


def _report(lab: Lab, boot: str) -> str:
    """Make a health report that is new to the journal."""
    build = json.loads(lab.server("ostree-release builds dev --json").out)["builds"][0]["checksum"]
    client = {"client": "attacked", "checksum": build, "boot": boot * 32, "state": "healthy"}
    return json.dumps({"format": 1, "reports": [{**client, "system": "running", "failed": []}]})


def _last_reporter(lab: Lab, boot: str) -> str:
    entries = map(json.loads, lab.server(f"cat {STATE}/journal.jsonl").out.splitlines())
    actors: list[str] = [entry["actor"] for entry in entries if entry.get("boot") == boot * 32]
    return actors[-1]


def test_another_key_does_not_log_in_as_the_ci(ci: Ci) -> None:
    folder = state.Lab(ci.lab.name)
    other = connection.command(folder, state.read(folder).machine("server"), ["status"], CI_USER)
    result = run([*other[:1], "-o", "BatchMode=yes", *other[1:]], check=False)
    assert result.code == 255
    assert "Permission denied (publickey)" in result.text


def test_nothing_is_copied_to_or_from_the_server_by_the_ci(ci: Ci) -> None:
    ssh = ci.command()
    options = [*ssh[1 : ssh.index("-p")], "-P", ssh[ssh.index("-p") + 1]]
    for program in (["scp"], ["scp", "-O"]):
        copied = run([*program, *options, f"{ci.file}.pub", f"{ssh[-1]}:/tmp/copied"], check=False)
        assert copied.code != 0
    listed = run(["sftp", "-b", "-", *options, ssh[-1]], check=False, stdin="ls\n")
    assert listed.code != 0
    assert ci.lab.server("ls /tmp/copied", check=False).code != 0


def test_the_files_of_the_ci_are_roots(ci: Ci) -> None:
    listing = ci.lab.server(
        f"stat -c '%n %U:%G %a' {CONFIG}/ci {CONFIG}/ci/authorized_keys {LIBEXEC}/ci {LIBEXEC}/ci-promoter"
    ).out.splitlines()
    assert {line.rsplit(" ", 2)[1] for line in listing} == {"root:root"}
    assert {line.rsplit(" ", 1)[1] for line in listing} == {"755", "644"}
    assert ci.lab.server(f"test -e {LIBEXEC}/ci-composer", check=False).code != 0, "no key composes"
