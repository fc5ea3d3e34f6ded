"""This machine as the host of managed_files.declared: its fact is read here, and its script runs here."""

from __future__ import annotations

import subprocess
from typing import Any

from pyinfra.api import StringCommand
from pyinfra.context import ctx_host, ctx_state
from pyinfra_testing.util import FakeState, create_host

from tasks.facts.managed_files import ManagedFiles
from tasks.operations.managed_files import declared


class Host:
    """A host whose one fact is read from this machine by the fact's own command."""

    print_prefix = ""
    noop_description: str | None = None

    def get_fact(self, fact: type[ManagedFiles], **arguments: Any) -> Any:
        command = fact().command(**arguments).get_raw_value()
        output = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
        return fact().process(output.splitlines())

    def noop(self, description: str) -> None:
        self.noop_description = description


def planned(**arguments: Any) -> StringCommand | None:
    """Return the command of the operation; None: nothing has to be done."""
    state = FakeState()
    with ctx_state.use(state), ctx_host.use(create_host(state, facts={})), ctx_host.use(Host()):
        commands = list(declared._inner(**arguments))
    if not commands:
        return None
    (command,) = commands
    assert isinstance(command, StringCommand)
    return command


def apply(**arguments: Any) -> subprocess.CompletedProcess[str] | None:
    """Run the operation as pyinfra would; None: nothing had to be done."""
    command = planned(**arguments)
    if command is None:
        return None
    content: Any = command.connector_arguments.get("_stdin", "")
    return subprocess.run(
        ["sh", "-c", command.get_raw_value()],
        input=content,
        capture_output=True,
        text=True,
        check=False,
        umask=0o077,
    )
