"""Calling `ostree-release` while pyinfra executes: its progress as it comes, its answer in its own words."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from pyinfra.api import Host, State, StringCommand

from tasks.facts.release import Answer, answered, worded
from tasks.facts.said import ANSWER, follow_reply, followed
from tasks.pyinfra_gaps.failures import failed
from tasks.pyinfra_gaps.interrupts import explained
from tasks.pyinfra_gaps.unseen import hide


def call(
    host: Host, command: StringCommand, role: str, kind: str | None = None, stdin: str | None = None
) -> Answer:
    """Run a subcommand, in one round trip, with what it says on the way shown.

    Args:
        host: the server.
        command: the call, without --json.
        role: the role that it is called as, for the reason when it was not even started.
        kind: what it answers, for the words; None where the answer is not used.
        stdin: text for its standard input.

    Returns:
        Its JSON document, {"error": one line} for a refusal.
    """
    hide(ANSWER)
    more: dict[str, Any] = {} if stdin is None else {"_stdin": stdin}
    _, output = host.run_shell_command(followed(StringCommand(command, "--json")), print_output=True, **more)
    try:
        said = follow_reply(output.stdout_lines, output.stderr_lines)
    except ValueError as error:
        return {"error": f"the server {error}"}
    return answered([said], role, kind)


def carried_out(
    state: State, host: Host, command: str, role: str, kind: str, interrupted: str | None = None
) -> bool:
    """Run a subcommand and show what came of it: what an operation hands to pyinfra.

    Args:
        state: pyinfra's.
        host: the server.
        command: the call, without --json.
        role: the role that it is called as.
        kind: what it answers.
        interrupted: what to say after Ctrl-C, when the server goes on.

    Returns:
        False when it was refused or failed, with the reason said.
    """
    with explained(interrupted) if interrupted else nullcontext():
        found = call(host, StringCommand(command), role, kind)
    return put_in_words(host, kind, found)


def put_in_words(
    host: Host, kind: str, found: Answer, refused: Callable[[Host, str], object] = failed
) -> bool:
    """Show an answer, or why there is none.

    Args:
        host: the server.
        kind: what it answered.
        found: the answer.
        refused: what is done with a host that gave none, and the reason.

    Returns:
        Whether there is one.
    """
    if "error" in found:
        refused(host, found["error"])
        return False
    for line in worded(kind, found):
        host.log(line)
    return True
