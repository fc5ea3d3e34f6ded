"""pyinfra's command line, without importing pyinfra for each run: that is two thirds of what one costs.

Each run is a process of its own with its own arguments, environment and folder, and runs the installed
program. It is forked from a process that has imported pyinfra and done nothing else.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from functools import cache

# Before pyinfra is imported, which has gevent put its own in their place.
from os import fork, waitpid
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = Path(sys.executable).with_name("pyinfra")
# As config.py shows it: from this project's folder, where it lies below it.
TYPED = PROGRAM.relative_to(ROOT) if PROGRAM.is_relative_to(ROOT) else PROGRAM
_SECONDS = 60


class Run(NamedTuple):
    """What pyinfra printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document


def pyinfra(*arguments: str, cwd: Path = ROOT) -> Run:
    """Run pyinfra, without a terminal, and return what it did.

    Args:
        arguments: of the command line.
        cwd: where it is started.
    """
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        wanted = {
            "arguments": arguments,
            "cwd": str(cwd),
            "env": dict(os.environ),
            "files": [str(out), str(err)],
        }
        code = _ask(_parent(), wanted)
        return Run(code, out.read_text(), err.read_text())


@cache
def _parent() -> subprocess.Popen[str]:
    command = [sys.executable, __file__]
    return subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _ask(parent: subprocess.Popen[str], wanted: dict[str, Any]) -> int:
    assert parent.stdin is not None
    assert parent.stdout is not None
    parent.stdin.write(f"{json.dumps(wanted)}\n")
    parent.stdin.flush()
    return int(parent.stdout.readline())


def _serve() -> None:
    import pyinfra_cli.main  # type: ignore[import-untyped]  # noqa: F401

    for line in sys.stdin:
        child = fork()
        if child == 0:
            _become(**json.loads(line))
        print(os.waitstatus_to_exitcode(waitpid(child, 0)[1]), flush=True)


def _become(arguments: list[str], cwd: str, env: dict[str, str], files: list[str]) -> None:
    signal.alarm(_SECONDS)
    for descriptor, path in enumerate([os.devnull, *files]):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), descriptor)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = [str(PROGRAM), *arguments]
    sys.path[0] = str(PROGRAM.parent)
    runpy.run_path(str(PROGRAM), run_name="__main__")


if __name__ == "__main__":
    _serve()
