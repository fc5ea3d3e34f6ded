"""What PID 1 of the lab's server does before it is systemd, on both versions of control groups."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab.server import START


@pytest.mark.parametrize(("version", "remounts"), [(1, []), (2, ["-o remount,rw,bind {cgroup}"])])
def test_control_groups_are_writable_before_systemd_starts(
    tmp_path: Path, version: int, remounts: list[str]
) -> None:
    cgroup, log = tmp_path / "cgroup", tmp_path / "log"
    cgroup.mkdir()
    if version == 2:
        (cgroup / "cgroup.controllers").touch()
    for name, line in (("mount", 'echo "$*"'), ("init", "echo init $$")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{line} >> '{log}'\n")
        (tmp_path / name).chmod(0o755)
    script = START.replace("/sys/fs/cgroup", str(cgroup)).replace("/sbin/init", str(tmp_path / "init"))
    started = subprocess.Popen(["/bin/sh", "-c", script], env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert started.wait() == 0
    wanted = [each.format(cgroup=cgroup) for each in remounts]
    assert log.read_text().splitlines() == [*wanted, f"init {started.pid}"], "init must be the same process"
