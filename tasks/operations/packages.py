"""Packages of the distribution, by the platform's own commands.

pyinfra's `dnf.packages` and `apt.packages` would need a branch for each platform, and ask once more.
"""

from pyinfra.api import operation
from pyinfra.context import host

from tasks.facts.packages import InstalledPackages
from tasks.facts.together import known
from tasks.operations.remote_script import Commands


@operation()
def installed(names: list[str], query: str, install: str) -> Commands:
    """
    Install what is missing, in one go; what is there is left at its version.

    + names: real names of packages
    + query: command that prints the installed ones of {names}
    + install: command that installs {names}

    **Example:**

    .. code:: python

        packages.installed(
            name="Packages", names=["ostree", "httpd"], query=platform.installed, install=platform.install
        )
    """
    present = known(InstalledPackages, query=query, names=names)
    missing = [name for name in names if name not in present]
    if not missing:
        host.noop(f"{len(names)} packages are installed")
        return
    yield install.format(names=" ".join(missing))
