"""Packages, and the difference between two lists of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

ADDED, REMOVED, UPGRADED, DOWNGRADED = range(4)


@dataclass(frozen=True, order=True)
class Package:
    """An installed package, with the five fields of the commit metadata `rpmostree.rpmdb.pkglist`."""

    name: str
    epoch: str
    version: str
    release: str
    arch: str

    @property
    def evr(self) -> str:
        """[EPOCH:]VERSION-RELEASE, without an epoch of 0."""
        epoch = "" if self.epoch == "0" else f"{self.epoch}:"
        return f"{epoch}{self.version}-{self.release}"

    @property
    def nevra(self) -> str:
        return f"{self.name}-{self.evr}.{self.arch}"


@dataclass(frozen=True)
class Difference:
    """What changed between two lists of packages, each part sorted by name."""

    added: Sequence[Package] = ()
    removed: Sequence[Package] = ()
    upgraded: Sequence[tuple[Package, Package]] = field(default=())
    downgraded: Sequence[tuple[Package, Package]] = field(default=())

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.upgraded or self.downgraded)

    def counts(self) -> str:
        """The one line of `rpm-ostree status`: `1 upgraded, 1 removed, 1 added`."""
        parts = (
            (self.upgraded, "upgraded"),
            (self.downgraded, "downgraded"),
            (self.removed, "removed"),
            (self.added, "added"),
        )
        return ", ".join(f"{len(found)} {word}" for found, word in parts if found)

    def block(self) -> list[str]:
        """The lines that end `rpm-ostree upgrade`."""
        lines: list[str] = []
        for title, pairs in (("Upgraded", self.upgraded), ("Downgraded", self.downgraded)):
            if pairs:
                lines.append(f"{title}:")
                lines += [f"  {old.name} {old.evr} -> {new.evr}" for old, new in pairs]
        for title, found in (("Removed", self.removed), ("Added", self.added)):
            if found:
                lines.append(f"{title}:")
                lines += [f"  {package.nevra}" for package in found]
        return lines


def difference(old: Iterable[Package], new: Iterable[Package]) -> Difference:
    """Compare two package lists by name and architecture-independent version order."""
    before = {package.name: package for package in old}
    after = {package.name: package for package in new}
    changed = [
        (before[name], after[name])
        for name in sorted(before.keys() & after.keys())
        if before[name].evr != after[name].evr
    ]
    return Difference(
        added=[after[name] for name in sorted(after.keys() - before.keys())],
        removed=[before[name] for name in sorted(before.keys() - after.keys())],
        upgraded=[(a, b) for a, b in changed if compare(a, b) < 0],
        downgraded=[(a, b) for a, b in changed if compare(a, b) > 0],
    )


def compose_diff(found: Difference) -> list[list[object]]:
    """Return a difference as the compose JSON's `pkgdiff`: name, kind, packages."""
    rows: list[list[object]] = []

    def fields(package: Package) -> list[str]:
        return [package.name, package.evr, package.arch]

    rows += [[new.name, ADDED, {"NewPackage": fields(new)}] for new in found.added]
    rows += [[old.name, REMOVED, {"PreviousPackage": fields(old)}] for old in found.removed]
    for kind, pairs in ((UPGRADED, found.upgraded), (DOWNGRADED, found.downgraded)):
        rows += [
            [old.name, kind, {"PreviousPackage": fields(old), "NewPackage": fields(new)}]
            for old, new in pairs
        ]
    return rows


def compare(old: Package, new: Package) -> int:
    """Order two packages of one name as rpm does: negative, zero or positive."""
    epochs = int(old.epoch) - int(new.epoch)
    return epochs or compare_parts(old.version, new.version) or compare_parts(old.release, new.release)


def compare_parts(old: str, new: str) -> int:
    """Order two versions or two releases by rpm's rules, rpm-version(7)."""
    pattern = re.compile(r"[0-9]+|[A-Za-z]+|~|\^")
    for left, right in zip_longest(pattern.findall(old), pattern.findall(new)):
        found = _compare_piece(left, right)
        if found:
            return found
    return 0


def _compare_piece(left: str | None, right: str | None) -> int:
    ranks = _rank(left) - _rank(right)
    if ranks or left is None or right is None:
        return ranks
    if left.isdigit():
        return int(left) - int(right)
    return (left > right) - (left < right)


def _rank(piece: str | None) -> int:
    if piece is None:
        return 1
    if piece in "~^":
        return 0 if piece == "~" else 2
    return 4 if piece.isdigit() else 3
