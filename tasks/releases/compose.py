"""Composing: from the wish for a new build to the operation that asks the server for it and follows."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra import host
from pyinfra.api import FunctionCommand, Host, operation

from ostree_release.model import following
from ostree_release.text import command, what
from tasks.facts.entry_points import composer
from tasks.facts.release import ReleaseStatus
from tasks.pyinfra_gaps.failures import drop
from tasks.releases.call import carried_out
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
    wanted = composer("compose", environment, version=version)
    named = {} if environment == "dev" else {"environment": environment}
    again = command(following("compose", **named))
    goes_on = f"The compose of {environment} goes on on {host.name}. To follow it again: {again}"
    yield FunctionCommand(carried_out, (wanted.get_raw_value(), "composer", "compose", goes_on), {})


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
            f" To promote: {command(following('promote', environment))}",
        )
        return
    status = host.get_fact(ReleaseStatus, role="composer")
    if "error" in status:
        drop(host, status["error"])
        return
    build = status["environments"].get(environment, {}).get("build")
    newest, checksum, time = what(build)
    host.log(
        f"{environment} has {newest} ({checksum}) of {time}" if build else f"{environment} has no build yet"
    )
    compose(name=f"Compose {environment}", environment=environment, version=version)
