"""Compose an image on its server, and follow the work there."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api import FunctionCommand, Host, State, StringCommand, operation

from tasks.facts.release import Answer, ReleaseStatus
from tasks.failures import failed
from tasks.interrupts import explained
from tasks.refusals import server_reason
from tasks.release_commands import composer
from tasks.words import age, short


@operation(
    is_idempotent=False,
    idempotent_notice="Each run asks the server for a compose, which may find nothing new.",
)
def compose(environment: str, version: str | None = None) -> Generator[FunctionCommand, None, None]:
    """Compose an environment's image, or attach to the compose that is running.

    + environment: name of a composed environment
    + version: version of the build; without one the server makes it of release, date and number
    """
    command = composer("compose", environment, version=version)
    yield FunctionCommand(follow_compose, (command.get_raw_value(), environment), {})


def follow_compose(state: State, host: Host, command: str, environment: str) -> bool:
    """Run a compose with its progress shown, then say which build the environment has.

    Returns:
        False when it was refused or failed, with the reason said.
    """
    before = newest(host.get_fact(ReleaseStatus, role="composer"), environment)
    with explained(
        f"The compose of {environment} goes on on {host.name}. To follow it again:"
        " pyinfra INVENTORY tasks/compose.py -y"
        + ("" if environment == "dev" else f" --data environment={environment}")
    ):
        success, output = host.run_shell_command(StringCommand(command, "2>&1"), print_output=True)
    if not success:
        return failed(host, server_reason(output.stdout_lines, "composer"))
    after = newest(host.get_fact(ReleaseStatus, role="composer"), environment)
    if after is None:
        return failed(host, f"the compose ended well, but {environment} has no build")
    new = before is None or before["checksum"] != after["checksum"]
    build = f"{after['version']} ({short(after['checksum'])})"
    host.log(
        f"{environment} has a new build: {build}. To promote it: pyinfra INVENTORY promote.py -y"
        if new
        else f"No changes: {environment} keeps {build}, {age(after['timestamp'])} old."
    )
    return True


def newest(status: Answer, environment: str) -> Answer | None:
    """Return the newest build of an environment in the server's status, if it has one."""
    build: Answer | None = status.get("environments", {}).get(environment, {}).get("build")
    return build
