"""The lab that is measured in: brought up and deployed when it is not there, and left as it is afterwards."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from bench.measuring import Row, of_json
from lab import connection, state
from lab.errors import LabError
from tests.integration.driver import Lab
from tests.integration.server_suite import sources

NAME = os.environ.get("LAB_NAME", "bench")


def say(line: str) -> None:
    """Print a line of progress."""
    print(line, file=sys.stderr, flush=True)


def environment() -> dict[str, str]:
    """Return the environment of what is run in it."""
    return {**os.environ, "LAB_NAME": NAME}


def server(clients: int = 0) -> Lab:
    """Return the lab, with a server that has the program as it is here; whatever is missing is made."""
    found = Lab(NAME)
    try:
        there = len(state.read(state.Lab(NAME)).clients)
    except LabError:
        there = -1
    if there < clients:
        say(f"bringing up the lab {NAME}")
        found.command("up", "--clients", str(clients))
    say("deploying its server")
    found.pyinfra("deploy.py", "-y")
    return found


def rows(lab: Lab, module: str, asked: Mapping[str, Any]) -> Iterator[Row]:
    """Put what a module of `bench.inside` needs on the server, run it there as root, yield its rows."""
    container = lab.engine.client.containers.get(lab.state["server"]["container"])
    lab.engine.put(container, sources("ostree_release", "tests", "bench"))
    variables = ("PYTHONDONTWRITEBYTECODE=1", "TMPDIR=/var/tmp", "PYTHONPATH=/opt")
    command = (
        "sudo",
        "env",
        "-C",
        "/",
        *variables,
        "python3",
        "-m",
        f"bench.inside.{module}",
        json.dumps(asked),
    )
    it = state.Lab(lab.name)
    line = connection.command(it, state.read(it).server, [shlex.join(command)])
    with subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for answer in process.stdout:
            yield of_json(json.loads(answer))
    if process.returncode:
        raise LabError(f"{module} on the server ended with {process.returncode}: what it said stands above")
