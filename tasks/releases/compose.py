"""Composing: from the wish for a new build to the operation that asks the server for it and follows."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api import FunctionCommand, Host, State, StringCommand, operation

from ostree_release import text
from ostree_release.model import following
from ostree_release.text import short
from tasks.client.words import age
from tasks.facts.entry_points import composer
from tasks.facts.refusals import server_reason
from tasks.facts.release import Answer, ReleaseStatus
from tasks.pyinfra_gaps.failures import drop, failed
from tasks.pyinfra_gaps.interrupts import explained
from tasks.server.image_servers import concerns
from tasks.settings.reader import SettingsError
from tasks.settings.values import load_server


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
        f" {text.command(following('compose'))}"
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
        f"{environment} has a new build: {build}. To promote it: {text.command(following('promote'))}"
        if new
        else f"No changes: {environment} keeps {build}, {age(after['timestamp'])} old."
    )
    return True


def newest(status: Answer, environment: str) -> Answer | None:
    """Return the newest build of an environment in the server's status, if it has one."""
    build: Answer | None = status.get("environments", {}).get(environment, {}).get("build")
    return build


def compose_here(host: Host, environment: str, version: str | None) -> None:
    """Say which build an environment has, and add the operation that composes the next one.

    Args:
        host: a host of the run; only repository servers are concerned.
        environment: name of a composed environment.
        version: version of the build; None lets the server choose it.
    """
    if not concerns(host):
        return
    try:
        wanted = load_server(host).environment(environment)
    except SettingsError as error:
        drop(host, str(error))
        return
    if not wanted.composed:
        drop(
            host,
            f"{environment} is not composed: it promotes from {wanted.promotes_from}."
            f" To promote: {text.command(following('promote', environment))}",
        )
        return
    status = host.get_fact(ReleaseStatus, role="composer")
    if "error" in status:
        drop(host, status["error"])
        return
    build = newest(status, environment)
    if build is None:
        host.log(f"{environment} has no build yet")
    else:
        held = f"{build['version']} ({short(build['checksum'])})"
        host.log(f"{environment} has {held}, {age(build['timestamp'])} old")
    compose(name=f"Compose {environment}", environment=environment, version=version)
