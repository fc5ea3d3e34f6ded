"""How the integration tests reach the lab: the real command line, real SSH, and root inside a container.

Also what they ask the server for, and how they give it a newer build to work with.
"""

from __future__ import annotations

import base64
import json
import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lab import connection, state, up
from lab.engine import Engine

ROOT = Path(__file__).resolve().parents[2]
NAME = os.environ.get("LAB_NAME", "test")
PYINFRA = Path(sys.executable).parent / "pyinfra"
# As config.py shows it.
TYPED = PYINFRA.relative_to(ROOT) if PYINFRA.is_relative_to(ROOT) else PYINFRA
HOME = f"fedora/{platform.machine()}/kinoite"
"""What the refs of dev and prod have in common."""
_SPECS = ROOT / "lab/packages/specs"
_QUICK_BUILD = (Path(__file__).parent / "inside/quick_build.py").read_text()

PROMOTING = "cd /; runuser -u ostree-prod -- "
"""Before a command on the server that the promoting user is to run."""


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

    @cached_property
    def engine(self) -> Engine:
        return Engine.connect()

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
        container = self.engine.client.containers.get(self.state["server"]["container"])
        done = self.engine.call(
            container, ["/bin/sh", "-ec", script], stdin=(stdin or "").encode(), timeout=timeout
        )
        if check and done.code != 0:
            raise CommandFailedError(f"{script} ended with {done.code}\n{done.out}\n{done.err}")
        return Result(done.code, done.out, done.err)

    def ssh(
        self, host: str, script: str, *, login: str = "admin", check: bool = True, timeout: float = 120
    ) -> Result:
        """Run a shell script on a machine of the lab over SSH, as one of its logins."""
        lab = state.Lab(self.name)
        machine = state.read(lab).machine(host)
        return run(connection.command(lab, machine, [script], login), check=check, timeout=timeout)

    def session(
        self, login: str, commands: Mapping[str, str], *, before: str = "true", timeout: float = 300
    ) -> dict[str, Result]:
        """Run many shell commands on the server in one SSH session of a login, none of them stopping the next.

        Args:
            login: who runs them.
            commands: by the name that its result is to have.
            before: run first, in the shell that they all start from.
            timeout: seconds for all of them.

        Returns:
            Exit status and output, standard error with it, of each.
        """
        lines = [before]
        for number, command in enumerate(commands.values()):
            lines.append(
                f"echo; echo '== {number}'; ( {command}\n) < /dev/null 2>&1; code=$?;"
                ' echo; echo "== ended $code"'
            )
        printed = self.ssh("server", "\n".join(lines), login=login, timeout=timeout).out
        pieces = re.findall(r"^== (\d+)\n(.*?)^== ended (\d+)$", printed, flags=re.DOTALL | re.MULTILINE)
        assert [int(number) for number, _, _ in pieces] == list(range(len(commands))), printed
        return {
            name: Result(int(code), out, "") for name, (_, out, code) in zip(commands, pieces, strict=True)
        }

    # --- what the server says ------------------------------------------------------------------------------

    def ask(self, *arguments: str) -> dict[str, Any]:
        """Run `ostree-release ARGUMENTS --json` as root on the server; returns its document."""
        printed = self.server(f"ostree-release {' '.join(arguments)} --json").out
        document: dict[str, Any] = json.loads(printed.splitlines()[-1])
        return document

    def newest_build(self) -> dict[str, Any]:
        """Return version and checksum of the newest build of dev."""
        build: dict[str, Any] = self.ask("builds", "dev")["builds"][0]
        return build

    def ring(self, name: str) -> dict[str, Any] | None:
        """Return the release that a ring of prod has, if any."""
        rings = self.ask("status")["environments"]["prod"]["rings"]
        found: dict[str, Any] | None = next(entry["release"] for entry in rings if entry["name"] == name)
        return found

    def tip(self, name: str) -> dict[str, Any]:
        """Return the release that a ring of prod has; there must be one."""
        found = self.ring(name)
        assert found is not None, f"{name} has no release"
        return found

    # --- what is done to it --------------------------------------------------------------------------------

    def quick_build(
        self,
        packages: Mapping[str, str] | None = None,
        *,
        files: Mapping[str, bytes] | None = None,
        links: Mapping[str, str] | None = None,
        remove: Sequence[str] = (),
        drop: Sequence[str] = (),
        tree_of: str | None = None,
    ) -> dict[str, Any]:
        """Put one more build on dev without a compose, for tests that need a newer one however it came.

        Args:
            packages: versions of packages of the lab, by name, that it has.
            files: contents of files that it has, by path.
            links: targets of links that it has, by path.
            remove: paths that it does not have any more.
            drop: packages that its rpm database does not have any more.
            tree_of: checksum of the build whose tree it has otherwise; none: the newest one's.

        Returns:
            Its version and checksum.
        """
        asked = {
            "packages": {
                name: [version, (_SPECS / f"{name}.spec").read_text()]
                for name, version in (packages or {}).items()
            },
            "files": {path: base64.b64encode(data).decode() for path, data in (files or {}).items()},
            "links": dict(links or {}),
            "remove": list(remove),
            "drop": list(drop),
            "tree_of": tree_of,
        }
        script = f"python3 - {shlex.quote(json.dumps(asked))}"
        build: dict[str, Any] = json.loads(self.server(script, stdin=_QUICK_BUILD).out)
        return build

    def promote(self, *arguments: str, check: bool = True) -> Result:
        """Promote on the server itself, as the user that promotes."""
        command = shlex.join(["ostree-release", "promote", *arguments])
        return self.server(f"{PROMOTING}{command}", check=check)

    def damage(self, path: str, breakage: str) -> None:
        """Break a file of the server, and not what shares its content by hard links.

        Args:
            path: the file.
            breakage: a shell command that its path is appended to.
        """
        whole = _beside(path)
        self.server(f"mv {path} {whole}; cp -a {whole} {path}; {breakage}{path}")

    def mend(self, path: str) -> None:
        """Put back what `damage` broke."""
        self.server(f"mv {_beside(path)} {path}")

    # --- what a client says --------------------------------------------------------------------------------

    def client_status(self, host: str) -> dict[str, Any]:
        """Return what `rpm-ostree status --json` says on a client."""
        status: dict[str, Any] = json.loads(self.ssh(host, "rpm-ostree status --json").out)
        return status

    def started_at(self, host: str) -> str:
        """Return when a client's container was started last: it is the machine's power."""
        return up.started_at(self.engine, state.read(state.Lab(self.name)).machine(host))

    def restart(self, host: str) -> None:
        """Press the reset button of a machine."""
        found = state.read(state.Lab(self.name)).machine(host)
        self.engine.client.containers.get(found.container).restart(timeout=1)

    def booted(self, host: str) -> dict[str, Any]:
        """Return the deployment that a client runs."""
        deployments: list[dict[str, Any]] = self.client_status(host)["deployments"]
        return next(deployment for deployment in deployments if deployment["booted"])

    def boot_id(self, host: str) -> str:
        """Return the identifier that the kernel gave to a client's present boot."""
        return self.ssh(host, "cat /proc/sys/kernel/random/boot_id").out.strip()


def _beside(path: str) -> str:
    return f"/srv/whole-{Path(path).name}"


def changed_operations(result: Result) -> list[str]:
    """Name what a `--json` run says would change (a plan) or has changed (a real run).

    pyinfra counts an operation behind `_if` as a possible change in every plan; only a real run tells.
    """
    document = json.loads(result.out)
    planned = [operation["name"] for operation in document["plan"] if operation["hosts_with_change"]]
    results = document["results"] or {"operations": []}
    return planned + [operation["name"] for operation in results["operations"] if operation["success"]]
