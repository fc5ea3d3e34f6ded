"""From the wish for a changelog to what a server says."""

from __future__ import annotations

from pyinfra.api import Host

from tasks.facts.release import Changelog
from tasks.pyinfra_gaps.failures import drop
from tasks.server.image_servers import concerns


def print_changelog(host: Host, to: str, ring: str | None, version: str | None, form: str) -> None:
    """Print a server's changelog to standard output.

    Args:
        host: a host of the run; only repository servers are concerned.
        to: name of the promoting environment.
        ring: only what reached this ring; None for every release.
        version: only this release; None for all.
        form: "text", "markdown" or "json".
    """
    if not concerns(host):
        return
    said = host.get_fact(Changelog, to=to, ring=ring, version=version, form=form)
    if "error" in said:
        drop(host, said["error"])
        return
    for line in said["lines"]:
        print(line)
