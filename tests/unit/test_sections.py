"""Sections of one command's output, with what real programs print between them: run by a real shell."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tasks.facts.rpm_ostree import ClientState
from tasks.facts.sections import begin, sections
from tests.recorded.recordings import CLIENT, recorded_status


def shell(script: str, **env: str) -> list[str]:
    """Run a script as pyinfra does; returns the lines of its output."""
    return subprocess.run(
        ["/bin/sh", "-c", script], check=True, text=True, capture_output=True, env=env
    ).stdout.splitlines()


@pytest.mark.parametrize(
    ("printed", "lines"),
    [("", []), ("a", ["a"]), ("a\\n", ["a"]), ("a\\n\\nb\\n\\n", ["a", "", "b", ""]), ("\\n", [""])],
)
def test_a_section_has_what_was_printed_whether_or_not_it_ended_its_last_line(
    printed: str, lines: list[str]
) -> None:
    output = shell(
        f"echo Welcome; {begin('one')}; printf '{printed}'; {begin('last one')}; echo x; {begin('end')}"
    )
    assert sections(output) == {"one": lines, "last one": ["x"], "end": []}


def test_a_client_whose_status_ends_without_a_newline_is_read(tmp_path: Path) -> None:
    recording = CLIENT / "status-fresh-json.json"
    assert not recording.read_bytes().endswith(b"\n"), "a real rpm-ostree prints none"
    for name, script in (("sudo", 'shift; exec "$@"'), ("rpm-ostree", f"cat '{recording}'")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    command = ClientState().command(remote="kinoite-prod", ca_file="/nowhere/ca.crt")
    machine = ClientState().process(shell(str(command), PATH=f"{tmp_path}:/usr/bin:/bin"))
    assert machine["problem"] is None
    assert [each["checksum"] for each in machine["deployments"]] == [
        each["checksum"] for each in recorded_status("fresh")["deployments"]
    ]
    assert (machine["remote"], machine["keyring"], machine["ca"]) == ({}, [], "")
