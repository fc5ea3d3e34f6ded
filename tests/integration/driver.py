"""How the integration tests reach the lab: the real command line, real SSH, and root inside a container."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import connection, state

ROOT = Path(__file__).resolve().parents[2]
PYINFRA = Path(sys.executable).parent / "pyinfra"


@dataclass(frozen=True)
class Result:
    """What a finished command left: its exit status and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


class CommandFailedError(AssertionError):
    """A command of a test ended with a status that the test did not expect."""


def run(
    command: list[str], *, check: bool = True, timeout: float = 600, stdin: str | None = None, **env: str
) -> Result:
    """Run a command from the repository root.

    Args:
        command: the program and its arguments.
        check: whether a non-zero exit status fails the test.
        timeout: seconds after which the command is killed and the test fails.
        stdin: text for its standard input; none: an empty one, as in CI.
        env: further environment variables.

    Returns:
        Its exit status and output.

    Raises:
        CommandFailedError: it failed although `check` was asked, with all it printed.
    """
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **env},
        text=True,
        capture_output=True,
        timeout=timeout,
        input=stdin or "",
        check=False,
    )
    result = Result(done.returncode, done.stdout, done.stderr)
    if check and result.code != 0:
        raise CommandFailedError(
            f"{shlex.join(command)} ended with {result.code}\n{result.out}\n{result.err}"
        )
    return result


class Lab:
    """One running lab, by the name of its state folder."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = ROOT / ".lab" / name

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "state.json").read_text())
        return found

    def command(self, *arguments: str, check: bool = True, timeout: float = 1200) -> Result:
        """Run `python -m lab ARGUMENTS` for this lab."""
        return run(
            [sys.executable, "-m", "lab", *arguments], check=check, timeout=timeout, LAB_NAME=self.name
        )

    def pyinfra(self, *arguments: str, check: bool = True, timeout: float = 900, **env: str) -> Result:
        """Run `pyinfra inventories/lab.py ARGUMENTS`, as the README does."""
        return run(
            [str(PYINFRA), "inventories/lab.py", *arguments],
            check=check,
            timeout=timeout,
            LAB_NAME=self.name,
            **env,
        )

    def start_pyinfra(self, *arguments: str) -> subprocess.Popen[str]:
        """Start pyinfra and return at once, for tests that interrupt it."""
        return subprocess.Popen(
            [str(PYINFRA), "inventories/lab.py", *arguments],
            cwd=ROOT,
            env={**os.environ, "LAB_NAME": self.name},
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def server(
        self, script: str, *, check: bool = True, timeout: float = 300, stdin: str | None = None
    ) -> Result:
        """Run a shell script as root inside the server's container, past SSH and everything under test."""
        container = self.state["server"]["container"]
        return run(
            ["docker", "exec", "-i", container, "/bin/sh", "-ec", script],
            check=check,
            timeout=timeout,
            stdin=stdin,
        )

    def ssh(
        self, host: str, script: str, *, login: str = "admin", check: bool = True, timeout: float = 120
    ) -> Result:
        """Run a shell script on a machine of the lab over SSH, as one of its logins."""
        lab = state.Lab(self.name)
        machine = state.read(lab).machine(host)
        return run(connection.command(lab, machine, [script], login), check=check, timeout=timeout)

    def client_status(self, host: str) -> dict[str, Any]:
        """Return what `rpm-ostree status --json` says on a client."""
        status: dict[str, Any] = json.loads(self.ssh(host, "rpm-ostree status --json").out)
        return status

    def booted(self, host: str) -> dict[str, Any]:
        """Return the deployment that a client runs."""
        deployments: list[dict[str, Any]] = self.client_status(host)["deployments"]
        return next(deployment for deployment in deployments if deployment["booted"])

    def boot_id(self, host: str) -> str:
        """Return the identifier that the kernel gave to a client's present boot."""
        return self.ssh(host, "cat /proc/sys/kernel/random/boot_id").out.strip()


def changed_operations(result: Result) -> list[str]:
    """Name what a `--json` run says would change (a plan) or has changed (a real run).

    pyinfra counts an operation behind `_if` as a possible change in every plan; only a real run tells.
    """
    document = json.loads(result.out)
    planned = [operation["name"] for operation in document["plan"] if operation["hosts_with_change"]]
    results = document["results"] or {"operations": []}
    return planned + [operation["name"] for operation in results["operations"] if operation["success"]]
