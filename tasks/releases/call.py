"""Calling `ostree-release` while pyinfra executes: its progress as it comes, its answer in its own words."""

from contextlib import nullcontext
from typing import Any

from pyinfra.api import Host, State, StringCommand

from tasks.facts.command_output import ANSWER, follow_reply, followed
from tasks.facts.release import Answer, Released, answered, worded
from tasks.pyinfra_gaps.failures import drop, failed
from tasks.pyinfra_gaps.hidden_output import hide
from tasks.pyinfra_gaps.interrupts import explained
from tasks.server.image_servers import concerns


def look(host: Host, kind: str, role: str, *words: str, **options: str | None) -> Answer | None:
    """Ask a repository server what changes nothing, while operations are prepared.

    + host: a host of the run
    + kind: what is answered, for the words
    + role: the role that it is called as
    + words: the subcommand, its operands and switches
    + options: by name; one that is None is left out

    Returns the answer; None of another host, and of one that gave none, which is dropped with the reason
    said.
    """
    if not concerns(host):
        return None
    found: Answer = host.get_fact(Released, kind=kind, role=role, words=[*words], options=options)
    if "error" in found:
        drop(host, found["error"])
        return None
    return found


def say(host: Host, kind: str, found: Answer) -> None:
    """Show an answer."""
    for line in worded(kind, found):
        host.log(line)


def call(
    host: Host, command: StringCommand, role: str, kind: str | None = None, stdin: str | None = None
) -> Answer:
    """Run a subcommand, in one round trip, with what it says on the way shown.

    + host: the server
    + command: the call, without --json
    + role: the role that it is called as, for the reason when it was not even started
    + kind: what it answers, for the words; None where the answer is not used
    + stdin: text for its standard input

    Returns its JSON document, {"error": one line} for a refusal.
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

    + state: pyinfra's
    + host: the server
    + command: the call, without --json
    + role: the role that it is called as
    + kind: what it answers
    + interrupted: what to say after Ctrl-C, when the server goes on

    Returns False when it was refused or failed, with the reason said.
    """
    with explained(interrupted) if interrupted else nullcontext():
        found = call(host, StringCommand(command), role, kind)
    if "error" in found:
        return failed(host, found["error"])
    say(host, kind, found)
    return True
