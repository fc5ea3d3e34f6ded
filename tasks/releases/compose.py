"""Composing: from the wish for a new build to the operation that asks the server for it and follows."""

from pyinfra.api import Host
from pyinfra.operations import python

from ostree_release.model import following
from ostree_release.text import command, what
from tasks.facts.entry_points import composer
from tasks.releases.call import carried_out, look


def compose_here(host: Host, environment: str, version: str | None) -> None:
    """Say which build an environment has, and add the operation that composes the next one.

    It attaches to a compose that is running, and may find nothing new.

    + host: a host of the run; only repository servers are concerned
    + environment: name of a composed environment
    + version: version of the build; None lets the server choose it
    """
    found = look(host, "builds", "composer", "builds", environment)
    if found is None:
        return
    newest = next(iter(found["builds"]), None)
    host.log(f"{environment} has {' '.join(what(newest)).rstrip()}")
    wanted = composer("compose", environment, version=version).get_raw_value()
    step = following("compose")
    step["data"] = {} if environment == "dev" else {"environment": environment}
    again = command(step)
    goes_on = f"The compose of {environment} goes on on {host.name}. To follow it again: {again}"
    python.call(
        name=f"Compose {environment}",
        function=carried_out,
        command=wanted,
        role="composer",
        kind="compose",
        interrupted=goes_on,
    )
