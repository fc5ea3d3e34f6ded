"""The first compose of an environment, on set-up."""

from pyinfra.api import StringCommand, operation
from pyinfra.context import host

from tasks.facts.managed_files import ManagedFiles
from tasks.facts.together import known
from tasks.operations.remote_script import Commands, quoted


@operation()
def composed(program: str, refs: dict[str, str]) -> Commands:
    """
    Compose every environment that has no build yet.

    + program: ostree-release on the server
    + refs: environment -> the file of the ref that a build moves

    **Example:**

    .. code:: python

        setup_compose.composed(
            name="First builds",
            program="/usr/sbin/ostree-release",
            refs={"dev": "/srv/ostree/rpm-ostree/dev/refs/heads/fedora/x86_64/kinoite/dev"},
        )
    """
    found = known(ManagedFiles, others=list(refs.values()))
    missing = [environment for environment, ref in refs.items() if ref not in found]
    if not missing:
        host.noop(f"{', '.join(refs)}: there is a build")
    for environment in missing:
        yield StringCommand(quoted(program, "compose", environment))
