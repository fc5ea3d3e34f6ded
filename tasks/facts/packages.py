"""Which packages are installed."""

from __future__ import annotations

from pyinfra.api import FactBase


class InstalledPackages(FactBase[list[str]]):
    """Names of those packages that are installed.

    + query: the platform's command, with {names} where the names go
    + names: real names of packages, not what packages provide
    """

    @staticmethod
    def default() -> list[str]:
        """Nothing is installed."""
        return []

    def command(self, query: str, names: list[str]) -> str:
        """One query for all names; it succeeds whatever is missing."""
        return query.format(names=" ".join(names)) + "; true"

    def process(self, output: list[str]) -> list[str]:
        """One name a line; a package of several architectures comes more than once."""
        return sorted({line.strip() for line in output})
