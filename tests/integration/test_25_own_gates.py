"""Gates of the administrator's own in their real sandbox: whatever one does, it ends clearly and nothing is left."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.driver import PROMOTING, Lab

STATION = "composed"

GATES = "/etc/ostree-release/gates.d"
UNITS = "systemctl list-units --all --plain --no-legend 'ostree-release-gate@*' | grep . || true"
LEFT = "ls /run/ostree-release/gates /var/lib/ostree-release/gates/checkouts | grep -xE '[0-9a-f]{32}'"
RUN = "0123456789abcdef" * 2

# Units that run on every server: of one that is not there, nobody may stop anything anyway.
THERE = "systemd-logind.service"
HTTPD = "$(systemctl list-units --plain --no-legend apache2.service httpd.service | cut -d ' ' -f 1)"

# What the program does for a candidate, with this gate alone and a short time limit.
JUDGE = """
import json, sys
sys.path.insert(0, "/usr/libexec/ostree-release/program")
from ostree_release.config import DEFAULT_PATH
from ostree_release.loading import load
from ostree_release.context import Context, Progress
from ostree_release.gates import own
from ostree_release.environments.snapshot import look
from ostree_release.gates.subject import Subject
config = load(DEFAULT_PATH)
environment, _ = config.promoting("prod")
context = Context(config, "tester", Progress(sys.stderr))
seen = look(context, environment)
candidate = seen.repository.commit({checksum!r})
limit = {{"timeout_seconds": {timeout}}}
outcome = own.judge(Subject(context, seen, candidate, environment.rings[0], limit))
print(json.dumps(dict(answer=outcome.answer, findings=[vars(f) for f in outcome.findings], **outcome.data)))
"""

# name: the script, the answer, words of its line
EVERY: dict[str, tuple[str, str, str]] = {
    "10-pass": ("echo fine", "pass", "fine"),
    "20-warn": ("echo hm; exit 3", "warn", "hm"),
    "30-ask": ("echo ask somebody; exit 4", "needs-approval", "ask somebody"),
    "40-fail": ("echo no; exit 1", "fail", "no"),
    "45-hang": ("echo began; sleep 7001", "fail", "did not end within 10 seconds"),
    "50-fork": ("for i in 1 2 3; do setsid sleep 7002 & done; echo forked", "pass", "forked"),
    "55-many": (
        "for i in $(seq 400); do sleep 7003 & done 2>/dev/null; echo unlimited; exit 0",
        "fail",
        "",
    ),
    "60-loud": ("head -c 104857600 /dev/zero | tr '\\0' x; echo done", "fail", "printed more than 1 MB"),
    "65-large": ("head -c 1G /dev/zero >/tmp/large; echo ended $?", "pass", "ended 153"),
    "70-change": (
        "# ostree-release: checkout\n"
        "cd $OSTREE_RELEASE_CHECKOUT && test -f usr/lib/os-release -o -f usr/etc/os-release || exit 1\n"
        "for i in usr/lib/new new; do touch $i 2>/dev/null && echo touched $i && exit 1; done\n"
        "chmod 777 usr 2>/dev/null && echo changed && exit 1\n"
        "rm -rf usr/lib 2>/dev/null && echo removed && exit 1\n"
        "echo unchanged",
        "pass",
        "unchanged",
    ),
    "75-look": (
        'may_not() { if "$@" >/dev/null 2>&1; then echo "it could: $*"; exit 1; fi; }\n'
        'must() { if ! "$@" >/dev/null 2>&1; then echo "not so: $*"; exit 1; fi; }\n'
        "must test $(id -u) -ge 61184; must test $(grep -c : /proc/net/dev) = 1\n"
        "must grep -q 'CapEff:.0*$' /proc/self/status; must grep -q 'NoNewPrivs:.1' /proc/self/status\n"
        "for i in /home /root /var/lib/ostree-release/keys /run/ostree-release; do may_not ls $i/*; done\n"
        "for i in /etc/x /usr/x /srv/x /run/x /var/x /var/lib/x; do may_not touch $i; done\n"
        "must touch /tmp/x /var/tmp/x /dev/shm/x\n"
        f"may_not systemctl --no-ask-password stop {THERE}\n"
        "may_not mount -t tmpfs none /tmp; may_not unshare -U true; may_not cat /etc/shadow\n"
        "must ostree --repo=$OSTREE_RELEASE_REPOSITORY ls $OSTREE_RELEASE_CANDIDATE /usr\n"
        "echo boxed in",
        "pass",
        "boxed in",
    ),
}


def install(lab: Lab, **scripts: str) -> None:
    """Make these the only gates."""
    lab.server(f"rm -f {GATES}/*")
    for name, script in scripts.items():
        lab.server(f"cat >{GATES}/{name}; chmod 755 {GATES}/{name}", stdin=f"#!/bin/sh\n{script}\n")


@pytest.fixture(scope="module")
def checksum(lab: Lab) -> Iterator[str]:
    """A staged candidate; afterwards there are no gates."""
    staged = lab.server(f"{PROMOTING} ostree-release stage --json").out.splitlines()[-1]
    yield json.loads(staged)["release"]["checksum"]
    lab.server(f"rm -f {GATES}/*")


def judge(lab: Lab, checksum: str) -> dict[str, Any]:
    program = JUDGE.format(checksum=checksum, timeout=10)
    result = lab.server(f"{PROMOTING} python3 -I -", stdin=program)
    answer: dict[str, Any] = json.loads(result.out)
    return answer


def running(lab: Lab) -> list[str]:
    return lab.server(UNITS).out.split("\n")[:-1]


def nothing_is_left(lab: Lab) -> None:
    assert running(lab) == []
    assert lab.server(f"{LEFT} || true").out == ""
    assert lab.server("pgrep -af 'sleep 700[0-9]' || true").out == ""
    assert (
        lab.server(
            "find /tmp /var/tmp /dev/shm -name large -o -name x -o -name 'systemd-private-*-gate@*' | head"
        ).out
        == ""
    )


def test_each_gate_ends_clearly_and_leaves_nothing(lab: Lab, checksum: str) -> None:
    install(lab, **{name: script for name, (script, _, _) in EVERY.items()})
    outcome = judge(lab, checksum)
    found = {each["name"]: (each["status"], each["line"]) for each in outcome["gates"]}
    for name, (_, status, words) in EVERY.items():
        assert found[name][0] == status, found
        assert words in found[name][1], found
    assert [each["id"].rpartition(":")[0] for each in outcome["findings"]] == [
        f"own:{name}" for name, (_, status, _) in EVERY.items() if status != "pass"
    ]
    loud = next(each["output"] for each in outcome["gates"] if each["name"] == "60-loud")
    assert lab.server(f"stat -c '%s %U' {loud}").out.split() == [str(1 << 20), "ostree-prod"]
    nothing_is_left(lab)


def test_two_checks_at_once_and_one_that_is_killed(lab: Lab, checksum: str) -> None:
    """The third check removes what the killed one left, and lets the other one end."""
    install(
        lab,
        **{
            "10-slow": "# ostree-release: checkout\nsleep 7004 & until test -e /srv/go; do sleep 0.2; done; echo slow"
        },
    )
    script = shlex.quote(JUDGE.format(checksum=checksum, timeout=120))
    lab.server("rm -f /tmp/killed.json /tmp/other.json /srv/go")
    for name in ("killed", "other"):
        shell = shlex.quote(f"exec python3 -I -c {script} >/tmp/{name}.json 2>/dev/null")
        lab.server(f"{PROMOTING} sh -c {shell} >/dev/null 2>&1 </dev/null & echo $! >/tmp/{name}.pid")
    deadline = time.monotonic() + 60
    while len(lab.server("pgrep -f 'sleep 700[4]' || true").out.split()) < 2:  # both gates have begun
        assert time.monotonic() < deadline
    lab.server("pkill -KILL -P $(cat /tmp/killed.pid) || kill -KILL $(cat /tmp/killed.pid)")
    install(lab, **{"10-quick": "echo quick"})
    assert judge(lab, checksum)["answer"] == "pass"
    assert len(running(lab)) == 1, "the killed check's sandbox, and not the other's, must have ended"
    lab.server("touch /srv/go")
    deadline = time.monotonic() + 60
    while not lab.server("cat /tmp/other.json").out:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert json.loads(lab.server("cat /tmp/other.json").out)["gates"][0]["line"] == "slow"
    nothing_is_left(lab)


@pytest.mark.parametrize(
    ("who", "what"),
    [
        ("ostree-prod", f"start {THERE}"),
        ("ostree-prod", f"stop {HTTPD}"),
        ("ostree-prod", f"restart {HTTPD}"),
        ("ostree-prod", "start ostree-release-compose@dev.service"),
        ("ostree-prod", "start ostree-release-gate@x.service"),
        ("ostree-prod", f"restart ostree-release-gate@{RUN}.service"),
        ("ostree-prod", f"set-property --runtime ostree-release-gate@{RUN}.service MemoryMax=1"),
        ("ostree-prod", "daemon-reload"),
        ("promoter", f"start ostree-release-gate@{RUN}.service"),
        ("visitor", f"start ostree-release-gate@{RUN}.service"),
    ],
)
def test_systemd_obeys_the_promoting_user_in_this_alone(lab: Lab, who: str, what: str) -> None:
    lab.server(f"systemctl is-active {THERE} {HTTPD}")
    done = lab.server(f"cd /; runuser -u {who} -- systemctl --no-ask-password {what}", check=False)
    assert done.code != 0
    assert "uthentication" in done.text or "denied" in done.text, done.text


def test_a_run_that_nobody_handed_over_does_nothing(lab: Lab, checksum: str) -> None:
    """It may be started, and reads as a success of systemd's, but it has no result."""
    start = f"systemctl --no-ask-password start ostree-release-gate@{RUN}.service"
    ended = f"while systemctl -q is-active ostree-release-gate@{RUN}.service; do sleep 0.2; done"
    lab.server(f"{PROMOTING} {start}; {ended}")
    for gate in ("../../../bin/sh", "none", ".hidden"):
        handed = json.dumps({"gate": gate, "environment": {"LD_PRELOAD": "/x"}, "timeout_seconds": 5})
        folder = f"/run/ostree-release/gates/{RUN}"
        result = lab.server(
            f"{PROMOTING} sh -c 'mkdir -m 755 {folder}; cat >{folder}/run.json; chmod 644 {folder}/run.json;"
            f" for i in output result; do : >{folder}/$i; chmod 666 {folder}/$i; done;"
            f" {start}; {ended}; cat {folder}/result;"
            f" rm -r {folder}'",
            stdin=handed,
        ).out
        assert '"status": 0' not in result
    nothing_is_left(lab)


def test_deploy_brings_the_folder_of_the_laptop_and_takes_its_gates_back(
    lab: Lab, checksum: str, tmp_path: Path
) -> None:
    install(lab, **{"90-by-hand": "exit 0"})
    for name in ("10-one", "20-two"):
        (tmp_path / name).write_text("#!/bin/sh\necho deployed\n")
        (tmp_path / name).chmod(0o755)
    setting = f"ostree_gates_directory={tmp_path}"
    lab.pyinfra("deploy.py", "-y", "--data", setting)
    listing = lab.server(f"cd {GATES}; stat -c '%n %U %G %a' *").out.splitlines()
    assert listing == ["10-one root root 755", "20-two root root 755", "90-by-hand root root 755"]
    checked = lab.server(f"{PROMOTING} ostree-release check --json", check=False)
    results = json.loads(checked.out.splitlines()[-1])["rings"]["pilot"]
    own = next(result for result in results if result["gate"] == "own")
    assert (own["answer"], own["line"]) == ("pass", "3 of your own passed")
    (tmp_path / "10-one").unlink()
    lab.pyinfra("deploy.py", "-y", "--data", setting)
    assert lab.server(f"ls {GATES}").out.split() == ["20-two", "90-by-hand"]
    lab.pyinfra("deploy.py", "-y")
    assert lab.server(f"ls {GATES}").out.split() == ["90-by-hand"]
