"""Every fact, by its own command under the shell, with a program that answers well and some that do not."""

from __future__ import annotations

import base64
import io
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pyinfra.api import FactBase, FactProcessError, StringCommand

from tasks.facts import (
    accounts,
    certificates,
    firewalld,
    managed_files,
    operating_system,
    ostree,
    packages,
    release,
    repositories,
    rpm_ostree,
    selinux,
    signing_keys,
    units,
)
from tasks.facts.command_output import ANSWER, Said, follow_reply, followed
from tests.plan import fleet
from tests.recorded.recordings import CLIENT
from tests.unit.every_fact import all_facts
from tests.unit.test_decisions import FINGERPRINT, KEY

# How a program may answer: shell that has the good answer in the file $answer and its exit status in $code.
WAYS = {
    "well": 'cat "$answer"',
    "without a final newline": 'printf %s "$(cat "$answer")"',
    "with a warning": 'echo "Warning: changed on disk" >&2; cat "$answer"; echo "error: no matter" >&2',
    "after a greeting of its own": 'echo Welcome; cat "$answer"',
    "with null": "echo null",
    "with half of it": 'head -c "$(($(wc -c <"$answer") / 2))" "$answer"',
    "with a NUL byte": "sed '1s/./&\\x00/' \"$answer\"",
    "twice": 'cat "$answer" "$answer"',
    "with nothing": "true",
    "with an error": 'echo before >&2; echo "error: it broke" >&2; code=3',
    "with half of it and an error": 'head -c 9 "$answer"; echo "error: it broke" >&2; code=3',
}
# Programs that run others, as what they run.
PASSING = {
    "sudo": "while :; do case $1 in -n) shift;; -u) shift 2;; *) break;; esac; done\n"
    'case $1 in /usr/libexec/ostree-release/*) shift; exec ostree-release "$@";; esac\nexec "$@"\n',
    "runuser": 'shift 3; exec "$@"\n',
}
GREETING = "echo Welcome; echo '== status'; printf 'to the lab \\000'"
OWN = "none of its own"


@dataclass(frozen=True)
class Exactly:
    """A result that is neither the good one nor a refusal: of text, any will do."""

    value: Any


@dataclass(frozen=True)
class Case:
    """A fact with the program that it reads.

    body: what the program does, for the shell; ways: what comes of the ways to answer that are not as usual:
    a part of the reason, None for the good result, Exactly another one; usual: what comes of the others;
    also: further programs.
    """

    fact: type[FactBase[Any]]
    arguments: dict[str, Any]
    program: str | None
    body: str = ""
    good: Callable[[Any], bool] = bool
    usual: dict[str, Any] = field(default_factory=dict)
    ways: dict[str, Any] = field(default_factory=dict)
    also: dict[str, str] = field(default_factory=dict)


FAILING = ("with an error", "with half of it and an error")
USUAL = {
    "well": None,
    "without a final newline": None,
    "with a warning": None,
    **dict.fromkeys(FAILING, "it broke"),
}
JSON = {
    "after a greeting of its own": None,
    "with null": "printed null as JSON, not an object",
    "with half of it": "printed JSON that ends in the middle",
    "with a NUL byte": "NUL byte",
    "twice": "printed more than one JSON document",
    "with nothing": "printed nothing",
}
LINES = {
    "after a greeting of its own": OWN,
    "with null": OWN,
    "with half of it": OWN,
    "with a NUL byte": "NUL byte",
    "twice": None,
    "with nothing": None,
}


def here(text: str) -> str:
    """A text as the body of a program."""
    return f"cat <<'END'\n{text.rstrip()}\nEND\n"


RELEASED = {
    "status": ("reader", fleet.STATUS),
    "approve": ("approver", fleet.APPROVAL),
    "hold": ("approver", fleet.HOLDS),
    "plan": ("promoter", fleet.PLAN),
    "keys": ("promoter", {"environment": "prod", "in_use": None, "keys": []}),
    "changelog-text": ("reader", {"environment": "prod", "ring": None, "releases": []}),
}


def released(kind: str) -> Case:
    """What ostree-release answers, which is one JSON document."""
    role, document = RELEASED[kind]
    arguments = {"kind": kind, "role": role, "words": ["subcommand"], "options": {}}
    body = here(json.dumps(document))
    return Case(release.Released, arguments, "ostree-release", body, lambda found: found == document, JSON)


SUMMARY = f"""\
* os/pilot
    Latest Commit (1.1 kB):
      {"a" * 64}
    Version (ostree.commit.version): 44.1

Repository Mode (ostree.summary.mode): archive-z2
Last-Modified (ostree.summary.last-modified): 2026-11-24T00:08:05+00
"""
SHOWN = """\
case "$*" in
*--value*) ;;
*list-units*) echo "c@qa.timer loaded active waiting Timer" ;;
*) printf '%s\\n' Id=httpd.service LoadState=loaded ActiveState=active \\
    UnitFileState=disabled NeedDaemonReload=no ;;
esac
"""
CASES = [
    Case(
        accounts.Accounts,
        {"logins": ["anna", "nobody"], "groups": ["staff"]},
        "getent",
        'case $1 in passwd) echo "anna:x:1000:1000:Anna:/home/anna:/bin/sh"; exit 2;;'
        ' group) echo "staff:x:50:anna,bert";; esac\n',
        lambda found: found == accounts.AccountsState(["anna"], {"staff": ["anna", "bert"]}),
        LINES,
        {
            "twice": Exactly(accounts.AccountsState(["anna", "anna"], {"staff": ["anna", "bert"]})),
            "with nothing": Exactly(accounts.AccountsState()),
        },
    ),
    Case(
        certificates.CertificatesDue,
        {"program": "PROGRAM"},
        "certificate",
        "echo there is no CA\n",
        lambda found: found == ["there is no CA"],
        LINES,
        {
            "after a greeting of its own": Exactly(["Welcome", "there is no CA"]),
            "with null": Exactly(["null"]),
            "with half of it": Exactly(["there i"]),
            "twice": Exactly(["there is no CA"] * 2),
            "with nothing": Exactly([]),
        },
    ),
    Case(
        firewalld.Firewalld,
        {"memory": "/nowhere"},
        "busctl",
        'echo \'aas 2 2 "8443" "tcp" 2 "1025-65535" "udp"\'\n',
        lambda found: found.running and found.now == found.permanent == ["1025-65535/udp", "8443/tcp"],
        LINES,
        {"twice": OWN, "with a NUL byte": None, "with nothing": OWN},
        {"firewall-cmd": "exit 9\n", "systemctl": "exit 0\n"},
    ),
    Case(
        firewalld.Served,
        {},
        "firewall-cmd",
        'case $* in *--list-services) echo ssh;; *) echo "ssh\n  ports: 22/tcp\n  destination: ";; esac\n',
        lambda found: found == {"now": ["22/tcp"], "permanent": ["22/tcp"]},
        LINES,
        {
            "after a greeting of its own": None,
            **dict.fromkeys(("with null", "with nothing"), Exactly({"now": [], "permanent": []})),
            "with a NUL byte": None,
        },
    ),
    Case(
        operating_system.Machine,
        {},
        "id",
        "echo 1000\n",
        lambda found: found.is_root is False and found.id != "",
        LINES,
        {"with half of it": None, "twice": None, "with a NUL byte": None, "with nothing": OWN},
    ),
    Case(
        managed_files.ManagedFiles,
        {"others": ["/etc/a b"]},
        "stat",
        "echo path 81a4 root staff '/etc/a b'\n",
        lambda found: found == {"/etc/a b": managed_files.PathState("file", "644", "root", "staff")},
        LINES,
        {"with nothing": Exactly({})},
    ),
    Case(
        managed_files.Content,
        {"path": "/etc/passwd"},
        "base64",
        "echo bmFtZQo=\n",
        lambda found: found == b"name\n",
        dict.fromkeys(LINES, "no base64, or not all of it") | {"with a NUL byte": "NUL byte"},
        {
            "with null": Exactly(b"\x9e\xe9e"),
            "with half of it": Exactly(b"nam"),
            "with nothing": Exactly(b""),
        },
    ),
    Case(
        ostree.PublishedTrust,
        {"directory": "/etc", "environment": "passwd"},
        "base64",
        here(base64.b64encode(KEY).decode()),
        lambda found: found["problem"] is None and found["key"],
        dict.fromkeys(LINES, "a public key that is none, or not all of it") | {"with a NUL byte": "NUL byte"},
        {"twice": None, "with nothing": "no public key is published"},
    ),
    Case(
        ostree.PublishedRef,
        {"remote": "kinoite-prod", "ref": "os/pilot"},
        "ostree",
        here(SUMMARY),
        lambda found: found == {"problem": None, "checksum": "a" * 64, "version": "44.1"},
        LINES,
        {
            "after a greeting of its own": None,
            "with null": "printed no whole summary: it ends with 'null'",
            "with half of it": "printed no whole summary: it ends with",
            "with nothing": "printed no whole summary: it ends with ''",
        },
    ),
    Case(
        packages.InstalledPackages,
        {"query": "query {names}", "names": ["ostree", "httpd"]},
        "query",
        "echo ostree\n",
        lambda found: found == ["ostree"],
        LINES,
        {"with a warning": "no matter", "with nothing": Exactly([])},
    ),
    *map(released, RELEASED),
    Case(
        repositories.Repositories,
        {"paths": ["/etc"]},
        "df",
        "echo Filesystem; echo 'tmpfs 1 2 4096 5% /etc'\n",
        lambda found: found == {"/etc": repositories.RepositoryState(None, 4096)},
        # How much is free only warns: not known is an answer.
        dict.fromkeys([*LINES, *FAILING], Exactly({"/etc": repositories.RepositoryState()})),
        {"twice": None, "with a NUL byte": None},
    ),
    Case(
        rpm_ostree.ClientState,
        {"remote": "kinoite-prod", "ca_file": "/nowhere"},
        "rpm-ostree",
        here((CLIENT / "status-fresh-json.json").read_text()),
        lambda found: found["problem"] is None and found["deployments"][0]["booted"],
        JSON,
    ),
    Case(
        selinux.Labels,
        {"policy": "none", "path": "/etc/apt", "label": "good_t", "memory": "/nowhere"},
        "stat",
        "echo label u:r:bad_t:s0 /srv/x\n",
        lambda found: set(found.wrong) == {"/srv/x"},
        LINES,
        {"with nothing": Exactly(selinux.LabelsState())},
    ),
    Case(
        signing_keys.SigningKeys,
        {"homes": {"prod": ["FOLDER/home", "root", "FOLDER/public", "FOLDER/trusted"]}},
        "gpg",
        f"echo pub:; echo fpr:::::::::{FINGERPRINT}:; echo grp:::::::::GRIP:\n",
        lambda found: found["prod"].secret == found["prod"].trusted == [FINGERPRINT],
        LINES,
        {
            "after a greeting of its own": "failed: Welcome",
            "with null": "failed: null",
            "with half of it": Exactly({"prod": signing_keys.KeyState(trusted=[FINGERPRINT])}),
            "with nothing": Exactly({"prod": signing_keys.KeyState(trusted=[FINGERPRINT])}),
            "with a NUL byte": None,
        },
    ),
    Case(
        units.Units,
        {"names": ["httpd.service"], "patterns": ["c@*.timer"]},
        "systemctl",
        SHOWN,
        lambda found: found["httpd.service"] == units.UnitState(loaded=True, active=True),
        LINES,
        dict.fromkeys(("with half of it", "twice", "with nothing"), "did not say everything"),
    ),
]


def printed(case: Case, folder: Path, way: str = "well", shell: str = "sh", greeting: str = "") -> list[str]:
    """Run a fact's command; returns the lines of its standard output, as pyinfra takes them apart."""
    programs = {**PASSING, **case.also}
    if case.program:
        programs[case.program] = (
            f"PATH=/usr/bin:/bin\nanswer=$(mktemp); trap 'rm -f \"$answer\"' EXIT\n"
            f'(\n{case.body}) >"$answer"; code=$?\n{WAYS[way]}\nexit $code\n'
        )
    (folder / "bin").mkdir()
    for name, body in programs.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{body}")
        (folder / "bin" / name).chmod(0o755)
    (folder / "home/private-keys-v1.d").mkdir(parents=True)
    (folder / "home/private-keys-v1.d/GRIP.key").touch()
    (folder / "trusted.gpg").write_bytes(KEY)
    text = json.dumps(case.arguments).replace("PROGRAM", f"{folder}/bin/certificate")
    command = case.fact().command(**json.loads(text.replace("FOLDER", str(folder))))
    done = subprocess.run(
        [shell, "-c", f"{greeting}\n{command}"],
        env={"PATH": f"{folder}/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    return [line.rstrip("\n") for line in io.StringIO(done.stdout.decode(), newline="\n")]


def read(case: Case, lines: list[str]) -> tuple[Any, str | None]:
    """Return what the fact makes of its output, and the reason if it is a refusal."""
    try:
        found = case.fact().process(lines)
    except FactProcessError as error:
        return None, str(error)
    problem = found if isinstance(found, dict) else {}
    reasons = [
        each.get(key)
        for each in (problem, problem.get("status"))
        for key in ("problem", "error")
        if isinstance(each, dict)
    ]
    return found, next(filter(None, reasons), None)


def name(case: Case) -> str:
    return case.fact.__name__


def test_every_fact_has_a_case() -> None:
    assert {case.fact for case in CASES} == set(all_facts())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", [each for each in CASES if each.program], ids=name)
def test_an_answer_is_read_or_refused_with_the_reason(tmp_path: Path, case: Case, way: str) -> None:
    found, reason = read(case, printed(case, tmp_path, way))
    expected = {**USUAL, **case.usual, **case.ways}[way]
    if isinstance(expected, Exactly):
        assert (found, reason) == (expected.value, None)
    elif expected is None:
        assert reason is None
        assert case.good(found), found
    else:
        assert reason, found
        assert expected in reason
        assert "\n" not in reason


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("case", CASES, ids=name)
def test_what_a_login_prints_does_not_count(tmp_path: Path, case: Case, shell: str) -> None:
    found, reason = read(case, printed(case, tmp_path, shell=shell, greeting=GREETING))
    assert reason is None
    assert case.good(found), found


@pytest.mark.parametrize("case", CASES, ids=name)
def test_an_output_that_ends_in_the_middle_is_no_answer(tmp_path: Path, case: Case) -> None:
    lines = printed(case, tmp_path)
    for count in range(len(lines)):
        _, reason = read(case, lines[:count])
        assert reason, lines[:count]
        assert any(words in reason for words in ("ends in the middle", "said nothing")), reason


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_command_that_is_followed_shows_its_errors_and_hands_over_its_output(
    tmp_path: Path, shell: str
) -> None:
    program = tmp_path / "program"
    program.write_text(
        '#!/bin/sh\nread -r given\necho staging >&2; echo "{\\"given\\": \\"$given\\"}"\nexit 3\n'
    )
    program.chmod(0o755)
    command = followed(StringCommand(str(program))).get_raw_value()
    done = subprocess.run(
        [shell, "-c", f"{GREETING}; printf strange >&2\n{command}"],
        input="signature\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("staging\n")
    output, errors = done.stdout.splitlines(), done.stderr.splitlines()
    said = follow_reply(output, errors)
    assert (said.lines, said.status) == (['{"given": "signature"}'], 3)
    assert all(ANSWER in line for line in errors), "nobody is to see it"
    with pytest.raises(ValueError, match="ends in the middle"):
        follow_reply(output, errors[:-1])


def test_an_answer_of_another_version_is_no_answer() -> None:
    for status, ended in ((0, "ostree-release ended well, but"), (1, "ostree-release failed, and")):
        found = release.answered([Said(['{"outcome": "listed"}'], [], status)], "approver", "hold")
        assert found["error"].startswith(f"{ended} its answer cannot be used")
        assert "it is of another version than these tasks: run deploy.py first" in found["error"]


def test_an_answer_with_an_exit_status_is_a_refusal_in_its_own_words() -> None:
    nothing = {**fleet.APPROVAL, "outcome": "unchanged", "still_failing": ["gate own fails: no"]}
    found = release.answered([Said([json.dumps(nothing)], [], 1)], "approver", "approve")
    assert found["error"].endswith("for prod/pilot; Still not let through: gate own fails: no")
