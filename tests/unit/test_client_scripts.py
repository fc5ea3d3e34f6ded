"""What operations run on a client, run by the shell: in a folder for /, with stand-ins for programs."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyinfra.api import StringCommand

from tasks.client import boot_health
from tasks.operations.health_reports import change_unit
from tasks.operations.ostree import declare

NAME, URL, CERTIFICATE = "kinoite-prod", "https://images.lab:8443/repo/$(id) x", "CERT\nof a CA\n"
KEY = bytes(range(256))
ARGUMENTS = (
    'for each; do printf "<%s> " "$each" >>calls; done; echo >>calls; [ "$FAILS" != "$1" ] || exit 3\n'
)
PROGRAMS = {
    "sudo": '[ "$1" = -n ] || exit 9; shift; umask 077; exec "$@"\n',
    "systemctl": ARGUMENTS,
    "ostree": ARGUMENTS
    + 'for each; do case $each in --gpg-import=*) cp "${each#*=}" imported;; esac; done\n',
}


class Client:
    """A client whose / is a folder, as the functions of an operation see it.

    fails: the first argument with which a program fails.
    """

    name = "client"

    def __init__(self, folder: Path, fails: str = "") -> None:
        self.root = folder / "root"
        self.root.mkdir()
        self.said: list[str] = []
        programs = folder / "bin"
        programs.mkdir()
        for name, script in PROGRAMS.items():
            (programs / name).write_text(f"#!/bin/sh\n{script}")
            (programs / name).chmod(0o755)
        scratch = folder / "tmp"
        scratch.mkdir()
        path = f"{programs}:{os.environ['PATH']}"
        self.environment = {"PATH": path, "TMPDIR": str(scratch), "FAILS": fails}

    def run_shell_command(self, command: StringCommand) -> tuple[bool, SimpleNamespace]:
        """Run a command as pyinfra does."""
        # What begins with / is below the folder, which is where the command runs.
        text = re.sub(r"(?<![\w*}])/(?=etc/|var/)", "", command.get_raw_value())
        done = subprocess.run(
            ["sh", "-c", text],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode == 0, SimpleNamespace(stderr_lines=done.stderr.splitlines())

    def log_styled(self, line: str, **_: Any) -> None:
        """Take what a person is told."""
        self.said.append(line)

    @property
    def calls(self) -> list[str]:
        """The arguments of each call of a stand-in, each in angle brackets."""
        return [line.rstrip() for line in (self.root / "calls").read_text().splitlines()]

    def files(self) -> dict[str, tuple[str, int]]:
        """Every file below /etc and /var with its content and mode."""
        return {
            f"/{path.relative_to(self.root)}": (path.read_text(), stat.S_IMODE(path.stat().st_mode))
            for top in ("etc", "var")
            for path in sorted((self.root / top).rglob("*"))
            if path.is_file()
        }


def declared(client: Client, certificate: str = CERTIFICATE) -> bool:
    return declare(None, client, NAME, URL, KEY, certificate)  # type: ignore[arg-type]


def changed(client: Client, change: str) -> bool:
    return change_unit(None, client, change)  # type: ignore[arg-type]


def test_a_remote_is_added_anew_with_the_one_key_and_the_one_certificate(tmp_path: Path) -> None:
    client = Client(tmp_path)
    assert declared(client)
    assert (client.root / "etc/ostree/remotes.d").is_dir()
    assert client.files() == {f"/etc/ostree/certificates/{NAME}.crt": (CERTIFICATE, 0o644)}
    deleted, added = client.calls
    assert deleted == f"<remote> <delete> <--if-exists> <{NAME}>", "`add --force` would keep its old keys"
    given = re.sub(r"<--gpg-import=[^>]+>", "<--gpg-import=KEY>", added)
    trust = f"<--set=gpg-verify=true> <--set=tls-ca-path=etc/ostree/certificates/{NAME}.crt>"
    assert given == f"<remote> <add> {trust} <--gpg-import=KEY> <{NAME}> <{URL}>"
    assert (client.root / "imported").read_bytes() == KEY
    assert list((tmp_path / "tmp").iterdir()) == [], "the key's file is gone again"


def test_a_public_ca_leaves_no_certificate_behind(tmp_path: Path) -> None:
    client = Client(tmp_path)
    assert declared(client)
    assert declared(client, certificate="")
    assert client.files() == {}
    assert "tls-ca-path" not in client.calls[-1]
    assert "<--set=gpg-verify=true>" in client.calls[-1]


def test_a_remote_that_is_not_added_fails_with_the_reason(tmp_path: Path) -> None:
    client = Client(tmp_path, fails="remote")
    assert not declared(client)
    assert client.said == ["remote not declared: the command failed without a word"]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_health_unit_is_installed_complete_and_then_started(tmp_path: Path) -> None:
    client = Client(tmp_path)
    assert changed(client, "install")
    assert client.files() == {path: (text, 0o644) for path, text in boot_health.FILES.items()}
    assert client.calls == [
        "<daemon-reload>",
        "<enable> <ostree-health.timer>",
        "<restart> <ostree-health.timer>",
    ]


def test_the_health_unit_is_stopped_and_removed_with_what_it_wrote(tmp_path: Path) -> None:
    client = Client(tmp_path, fails="disable")  # as it does where there is no such unit
    assert changed(client, "install")
    report = client.root / boot_health.REPORT.lstrip("/")
    report.parent.mkdir(parents=True)
    report.touch()
    assert changed(client, "remove")
    assert client.files() == {}
    assert client.calls[3:] == ["<disable> <--now> <ostree-health.timer>", "<daemon-reload>"]


@pytest.mark.parametrize("change", ["install", "remove"])
def test_a_health_unit_that_is_not_changed_fails_with_the_reason(tmp_path: Path, change: str) -> None:
    client = Client(tmp_path, fails="daemon-reload")
    assert not changed(client, change)
    assert client.said == ["health unit not changed: the command failed without a word"]
