"""Composing: from the wish for a new build to the operation that asks the server for it and follows."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra import host
from pyinfra.api import FunctionCommand, Host, operation

from ostree_release.model import following
from ostree_release.text import command, what
from tasks.facts.entry_points import composer
from tasks.releases.call import carried_out, look


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
    found = look(host, "builds", "composer", "builds", environment)
    if found is None:
        return
    newest = next(iter(found["builds"]), None)
    host.log(f"{environment} has {' '.join(what(newest)).rstrip()}")
    compose(name=f"Compose {environment}", environment=environment, version=version)
