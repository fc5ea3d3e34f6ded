"""Gates of the user's own without systemd: a child process runs what the sandbox's unit would run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.server.support import Server, zipapp

# Replaces what gates/own/runs.py asks of systemd; what a gate leaves behind, only systemd ends.
UNITS = """
import os, signal, subprocess, sys
from ostree_release.gates.own import runs
running = {{}}
def start(run_id):
    if {refuses!r}:
        return {refuses!r}
    program = (
        "import sys; sys.path.insert(0, {zipapp!r}); from pathlib import Path;"
        "from ostree_release.gates.own.inside import perform;"
        "perform(Path({runs!r}), Path({gates!r}), sys.argv[1])"
    )
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    running[run_id] = subprocess.Popen([sys.executable, "-I", "-c", program, run_id], **quiet)
def stop(run_id):
    if run_id in running:
        running[run_id].kill()
        running[run_id].wait()
runs._start, runs._stop = start, stop
runs._is_active = lambda run_id: running[run_id].poll() is None
"""

# Judges one commit of prod by the gates of the user's own alone, and prints the outcome.
JUDGE = """
import json
from ostree_release.access import actor
from ostree_release.loading import load
from ostree_release.context import Context, Progress
from ostree_release.gates import own
from ostree_release.environments.snapshot import look
from ostree_release.gates.subject import Subject
config = load(Path({config!r}))
environment, _ = config.promoting("prod")
context = Context(config, "tester", Progress(sys.stderr))
seen = look(context, environment)
candidate = seen.repository.commit({checksum!r})
limit = {{"timeout_seconds": {timeout}}}
outcome = own.judge(Subject(context, seen, candidate, environment.rings[0], limit))
print(json.dumps([outcome.answer, outcome.line, [vars(f) for f in outcome.findings], outcome.data]))
sys.exit(0)
"""


def prepare(server: Server) -> None:
    """Make the directories that deploy.py makes for gates."""
    for folder in (server.run / "gates", server.state / "gates/checkouts", server.state / "gates/output"):
        folder.mkdir(parents=True)
    (server.top / "gates.d").mkdir()


def gate(server: Server, name: str, script: str) -> Path:
    """Install a gate: a shell script."""
    path = server.top / "gates.d" / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def units(server: Server, refuses: str = "") -> str:
    """Return the Python that replaces systemd; refuses: what it says instead of starting anything."""
    return UNITS.format(
        zipapp=str(zipapp()),
        runs=str(server.run / "gates"),
        gates=str(server.top / "gates.d"),
        refuses=refuses,
    )


def judging(server: Server, checksum: str, timeout: int = 20, refuses: str = "") -> str:
    """Return Python that judges a commit of prod; timeout: in seconds."""
    return units(server, refuses) + JUDGE.format(
        config=str(server.config), checksum=checksum, timeout=timeout
    )


def judge(server: Server, checksum: str, **more: Any) -> Any:
    """Judge a commit of prod; returns answer, line, findings, data."""
    done = server.call(before=judging(server, checksum, **more))
    if done.returncode:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)
