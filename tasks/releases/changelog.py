"""From the wish for a changelog to what a server says."""

from pyinfra.api import Host

from tasks.facts.release import worded
from tasks.releases.call import look


def print_changelog(host: Host, to: str, ring: str | None, version: str | None, form: str) -> None:
    """Print a server's changelog to standard output.

    + host: a host of the run; only repository servers are concerned
    + to: name of the promoting environment
    + ring: only what reached this ring; None for every release
    + version: only this release; None for all
    + form: "text", "markdown" or "json"
    """
    kind = f"changelog-{form}"
    found = look(host, kind, "reader", "changelog", *([version] if version else []), to=to, ring=ring)
    if found is not None:
        print("\n".join(worded(kind, found)))
