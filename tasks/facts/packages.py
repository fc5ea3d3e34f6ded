"""Which packages are installed."""

import re
from shlex import join

from pyinfra.api import StringCommand

from tasks.facts.command_output import Reading, Said, asked, unexpected
from tasks.facts.sections import begin, sections

_ERROR = re.compile(r"(dpkg-query: )?error: .*")


class InstalledPackages(Reading[list[str]]):
    """Names of those packages that are installed.

    + query: the platform's command, with {names} where the names go
    + names: real names of packages, not what packages provide

    **Example:**

    .. code:: python

        host.get_fact(InstalledPackages, query=platform.installed, names=["ostree", "httpd"])
    """

    subject = "the query for packages"

    def command(self, query: str, names: list[str]) -> StringCommand:
        """One query for all names; it succeeds whatever is missing."""
        wanted = f"{begin('wanted')} ; printf '%s\\n' {join(names)}"
        return asked(f"{wanted} ; {begin('installed')} ; {query.format(names=' '.join(names))} ; true")

    def read(self, said: Said) -> list[str]:
        """One name a line; a package of several architectures comes more than once."""
        # The exit status counts what is missing, and says nothing about a broken data base.
        broken = next(filter(_ERROR.fullmatch, said.errors), None)
        if broken:
            raise ValueError(f"failed: {broken}")
        found = sections(said.lines, "wanted", "installed")
        strange = next((name for name in found["installed"] if name not in found["wanted"]), None)
        if strange is not None:
            raise unexpected(strange)
        return sorted(set(found["installed"]))
