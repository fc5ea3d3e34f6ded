"""The gates in examples/: what they say, with stand-ins for the programs that they call."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

GATES = Path(__file__).resolve().parents[2] / "examples/gates"
BUILD, TREE = "b" * 64, "c" * 64


def program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def run(gate: str, **variables: str) -> tuple[int, str]:
    """Run a gate; returns its exit status and its last line."""
    done = subprocess.run(
        [str(GATES / gate)],
        env={"PATH": os.environ["PATH"], "TMPDIR": os.environ.get("TMPDIR", "/tmp"), **variables},
        input="{}",
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()[-1]


def openscap(tmp_path: Path, oscap: str) -> tuple[int, str]:
    """Run the gate on a small tree; oscap: what stands in for it."""
    tree = tmp_path / "tree"
    (tree / "usr/etc").mkdir(parents=True)
    (tree / "usr/etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
    content = tmp_path / "content.xml"
    content.touch()
    gate = (GATES / "10-openscap").read_text()
    lines = [
        f"CONTENT={shlex.quote(str(content))}" if line.startswith("CONTENT=") else line
        for line in gate.splitlines()
    ]
    program(tmp_path / "gate", "\n".join(lines))
    program(tmp_path / "oscap", oscap)
    path = f"{tmp_path}:{os.environ['PATH']}"
    given = {"OSTREE_RELEASE_CHECKOUT": str(tree), "OSTREE_RELEASE_VERSION": "44.1", "TMPDIR": str(tmp_path)}
    return run(str(tmp_path / "gate"), PATH=path, **given)


RULES = "printf 'Rule\\tone\\nResult\\tpass\\n\\nRule\\ttwo\\nResult\\t{second}\\n'; exit {status}"


@pytest.mark.parametrize(
    ("oscap", "status", "words"),
    [
        (RULES.format(second="pass", status=0), 0, "2 rules pass"),
        (RULES.format(second="fail", status=2), 4, "1 rules fail, 1 pass"),
        ("grep -q ^root \"$OSCAP_PROBE_ROOT/etc/passwd\" && printf 'Result\\tpass\\n'", 0, "1 rules pass"),
        ("printf 'Result\\tnotapplicable\\n'", 1, "applies to this image"),
        ("echo no such profile >&2; exit 1", 1, "oscap ended with exit status 1: nothing was measured"),
    ],
)
def test_openscap(tmp_path: Path, oscap: str, status: int, words: str) -> None:
    code, line = openscap(tmp_path, oscap)
    assert (code, words in line) == (status, True), line


def test_openscap_says_what_is_missing(tmp_path: Path) -> None:
    for name in ("sh", "mktemp"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    assert run("10-openscap", PATH=str(tmp_path)) == (
        1,
        "oscap is missing on this server: install openscap-scanner",
    )


LAB = """
[ "$1" = -c ] && exec {python} "$@"
case "$*" in
    *"server -- sudo -n /usr/sbin/ostree-release config"*)
        echo '{{"environments": {{"prod": {{"promotes_from": "dev"}},' \\
            '"dev": {{"repository": "/srv/dev"}}}}}}' ;;
    *"server -- ostree --repo=/srv/dev show {build}") echo "    ContentChecksum:  {tree}" ;;
    *"dev1 -- rpm-ostree status"*) echo '{{"deployments": [{{"booted": true, "checksum": "{build}"}}]}}' ;;
    *"dev1 -- sudo -n ostree show {build}") echo "ContentChecksum:  {booted}" ;;
    *is-system-running*) echo {state} ;;
    *--failed*) {failed} ;;
esac
"""


@pytest.mark.parametrize(
    ("booted", "state", "failed", "status", "words"),
    [
        (TREE, "running", ":", 0, f"dev1 booted 44.1 (content {TREE}) and all of its units are well"),
        ("d" * 64, "running", ":", 1, f"dev1 booted another tree ({BUILD}) than build {BUILD}"),
        (TREE, "degraded", "echo 'sddm.service loaded failed'", 1, "is degraded: sddm.service"),
    ],
)
def test_boot(tmp_path: Path, booted: str, state: str, failed: str, status: int, words: str) -> None:
    python = shlex.quote(sys.executable)
    lab = LAB.format(python=python, build=BUILD, tree=TREE, booted=booted, state=state, failed=failed)
    code, line = run(
        "20-boot-test",
        PYTHON=str(program(tmp_path / "python", lab)),
        PYINFRA=str(program(tmp_path / "pyinfra", "exit 0")),
        OSTREE_RELEASE_ENVIRONMENT="prod",
        OSTREE_RELEASE_VERSION="44.1",
        OSTREE_RELEASE_BUILD=BUILD,
    )
    assert (code, words in line) == (status, True), line
