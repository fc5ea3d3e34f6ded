"""A gate that runs on this machine, not on the server, before something is promoted."""

import json
import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from pyinfra.api import Host, State

from tasks.pyinfra_gaps.failures import failed


def run_gate(state: State, host: Host, program: str, plan: dict[str, Any]) -> bool:
    """Run a program with its output shown; anything but exit status 0 refuses, and nothing follows.

    + state: pyinfra's
    + host: the server
    + program: path of an executable file
    + plan: what `promote --plan` says, which the program reads on its standard input

    Returns False when it refused, with its last line as the reason.
    """
    name = Path(program).name
    try:
        process = subprocess.Popen(
            [str(Path(program).expanduser().absolute())],
            env={**os.environ, **environment(plan)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        return failed(host, f"gate {name}: could not be started: {error.strerror}; nothing was promoted")
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):  # it does not read the plan
        process.stdin.write(json.dumps(plan))
        process.stdin.close()
    last = ""
    for line in process.stdout:
        last = line.strip() or last
        host.log(line.rstrip())
    status = process.wait()
    if status:
        return failed(host, f"gate {name}: {last or f'exit status {status}'}; nothing was promoted")
    host.log_styled(f"gate {name} passed", fg="green")
    return True


def environment(plan: dict[str, Any]) -> dict[str, str]:
    """Give the variables that the program is told, beside the plan."""
    return {
        "OSTREE_RELEASE_ENVIRONMENT": plan["environment"],
        "OSTREE_RELEASE_RING": plan["ring"],
        "OSTREE_RELEASE_VERSION": plan["release"]["version"],
        "OSTREE_RELEASE_BUILD": plan["build"]["checksum"],
    }
