"""From the wish for a new build to the operation that asks the server for it."""

from __future__ import annotations

from pyinfra.api import Host

from tasks.facts.release import ReleaseStatus
from tasks.failures import drop
from tasks.image_servers import concerns
from tasks.operations.compose import compose, newest
from tasks.settings import SettingsError, load_server
from tasks.words import age, short


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
            f" To promote: pyinfra INVENTORY promote.py -y --data to={environment}",
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
