"""Security advisories: what one says, and which of them an image fixes or lacks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..model import Package
from .pkglist import grouped, order

CRITICAL, IMPORTANT, MODERATE, LOW, UNKNOWN = "critical", "important", "moderate", "low", "unknown"
SEVERITIES = (CRITICAL, IMPORTANT, MODERATE, LOW, UNKNOWN)
"""Worst first, but for what is not known."""

_NOARCH = "noarch"


@dataclass(frozen=True)
class Advisory:
    """One security advisory of a package repository: its packages are those that have the fix.

    + issued: when, as the repository writes it
    + cves: identifiers, sorted
    """

    id: str
    severity: str
    title: str
    issued: str
    cves: tuple[str, ...]
    packages: tuple[Package, ...]

    def joined(self, other: Advisory) -> Advisory:
        """Return this advisory with what another entry of the same one adds: CVEs and packages."""
        return replace(
            self,
            cves=tuple(sorted({*self.cves, *other.cves})),
            packages=tuple(dict.fromkeys((*self.packages, *other.packages))),
        )

    def about(self, names: Collection[str]) -> Advisory:
        """Return this advisory with only the packages of these names."""
        return replace(self, packages=tuple(package for package in self.packages if package.name in names))

    def as_json(self) -> dict[str, Any]:
        """Return the advisory as files and results have it."""
        fields = [[p.name, p.epoch, p.version, p.release, p.arch] for p in self.packages]
        return {**self.summary(), "title": self.title, "issued": self.issued, "packages": fields}

    def summary(self) -> dict[str, Any]:
        """Return what a list of advisories says of each."""
        return {"id": self.id, "severity": self.severity, "cves": list(self.cves)}

    @classmethod
    def of(cls, data: dict[str, Any]) -> Advisory:
        """Return the advisory that `as_json` described."""
        packages = tuple(Package(*fields) for fields in data["packages"])
        return cls(**{**data, "cves": tuple(data["cves"]), "packages": packages})


@dataclass(frozen=True)
class Gap:
    """A package that is older than the one that has an advisory's fix."""

    advisory: Advisory
    installed: Package
    fixed: Package


def lacking(advisories: Iterable[Advisory], installed: Sequence[Package]) -> list[Gap]:
    """Return what the installed packages lack, one for each advisory and name of a package, worst first."""
    there = grouped(installed, lambda package: package.name)
    found: dict[tuple[str, str], Gap] = {}
    for advisory in advisories:
        for fixed in advisory.packages:
            package = _same(there, fixed)
            if package and order(package) < order(fixed):
                found.setdefault((advisory.id, fixed.name), Gap(advisory, package, fixed))
    return sorted(
        found.values(),
        key=lambda gap: (SEVERITIES.index(gap.advisory.severity), gap.advisory.id, gap.fixed.name),
    )


def fixed(advisories: Iterable[Advisory], old: Sequence[Package], new: Sequence[Package]) -> list[Advisory]:
    """Return the advisories that something old lacked, and nothing new lacks, worst first."""
    known = tuple(advisories)
    still = {gap.advisory.id for gap in lacking(known, new)}
    here = {package.name for package in new}
    # What was removed is gone with its faults, but nobody fixed it.
    before = [gap for gap in lacking(known, old) if gap.fixed.name in here]
    return list({gap.advisory.id: gap.advisory for gap in before if gap.advisory.id not in still}.values())


def _same(there: dict[str, list[Package]], wanted: Package) -> Package | None:
    """Return the installed package that another would replace; one may become noarch, or cease to be."""
    for package in there.get(wanted.name, ()):
        if package.arch == wanted.arch or _NOARCH in (package.arch, wanted.arch):
            return package
    return None
