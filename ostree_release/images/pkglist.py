"""Order of RPM versions, and what changed between two package lists.

The ordering is that of rpm's rpmvercmp, as its manual page rpm-version(7) describes it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cmp_to_key
from typing import TYPE_CHECKING

from ..model import KINDS, Package

if TYPE_CHECKING:  # lists are compared without libostree
    from ..repository.reading import Repository

Image = tuple["Repository", str]
"""A repository, and the checksum of a commit there."""

Diff = dict[str, list[dict[str, str]]]


@dataclass(frozen=True)
class Change:
    """A package that differs; kind: one of KINDS; name: with the architecture where there are several."""

    kind: str
    name: str
    old: Package | None
    new: Package | None


# Everything else only separates segments.
_SEGMENT = re.compile(r"[0-9]+|[A-Za-z]+|~|\^")


def compare_versions(left: str, right: str) -> int:
    """Compare two version or release strings; returns -1, 0 or 1.

    Segments of digits compare as numbers and beat letters; `~` sorts before everything, even the end; `^`
    sorts after the end but before any other segment.
    """
    ours, theirs = _SEGMENT.findall(left), _SEGMENT.findall(right)
    for index in range(max(len(ours), len(theirs))):
        a = ours[index] if index < len(ours) else ""
        b = theirs[index] if index < len(theirs) else ""
        if a == b:
            continue
        order = _rank(a) - _rank(b)
        if order == 0:
            order = int(a) - int(b) if a.isdigit() else 1 if a > b else -1
        if order:
            return 1 if order > 0 else -1
    return 0


def compare(left: Package, right: Package) -> int:
    """Compare two packages by epoch, version, release; returns -1, 0 or 1."""
    epochs = int(left.epoch or 0) - int(right.epoch or 0)
    if epochs:
        return 1 if epochs > 0 else -1
    return compare_versions(left.version, right.version) or compare_versions(left.release, right.release)


def changes(old: Iterable[Package], new: Iterable[Package]) -> Iterator[Change]:
    """Yield what was added, removed, upgraded and downgraded, sorted by name.

    Packages are the same by name and architecture. Where several versions of one are installed side by side
    (kernels, keys), those in both lists are no change; the rest are paired from the newest down.
    """
    before, after = _grouped(old), _grouped(new)
    several = _names_with_several_architectures(before) | _names_with_several_architectures(after)
    for key in sorted(before.keys() | after.keys()):
        name = ".".join(key) if key[0] in several else key[0]
        gone = [package for package in before[key] if package not in after[key]]
        come = [package for package in after[key] if package not in before[key]]
        for was, now in zip(gone, come):
            kind = "upgraded" if compare(now, was) >= 0 else "downgraded"
            yield Change(kind, name, was, now)
        yield from (Change("removed", name, package, None) for package in gone[len(come) :])
        yield from (Change("added", name, None, package) for package in come[len(gone) :])


def diff(old: Iterable[Package], new: Iterable[Package]) -> Diff:
    """Return what was added, removed, upgraded and downgraded, as results and JSON have it."""
    return as_json(changes(old, new))


def as_json(changes: Iterable[Change]) -> Diff:
    """Return changes by their kind."""
    result: Diff = {kind: [] for kind in KINDS}
    for change in changes:
        versions = {"old": change.old, "new": change.new}
        evrs = {key: package.evr for key, package in versions.items() if package}
        result[change.kind].append({"name": change.name, **evrs})
    return result


def between(old: Image | None, new: Image) -> Diff:
    """Return the packages that differ; nothing where there is no older image or a commit lists none."""
    before, after = (image[0].packages(image[1]) if image else None for image in (old, new))
    return nothing() if before is None or after is None else diff(before, after)


def nothing() -> Diff:
    """Return the diff of an image against no image: nothing to compare with, so nothing changed."""
    return {kind: [] for kind in KINDS}


def counts(changes: Diff) -> dict[str, int]:
    """Return how many packages each kind of change touches."""
    return {kind: len(changes[kind]) for kind in KINDS}


def _rank(segment: str) -> int:
    if segment == "~":
        return 0
    if segment == "":
        return 1
    if segment == "^":
        return 2
    return 4 if segment.isdigit() else 3


def _grouped(packages: Iterable[Package]) -> defaultdict[tuple[str, str], list[Package]]:
    groups: defaultdict[tuple[str, str], list[Package]] = defaultdict(list)
    for package in packages:
        groups[package.name, package.arch].append(package)
    for group in groups.values():
        group.sort(key=cmp_to_key(compare), reverse=True)
    return groups


def _names_with_several_architectures(groups: Iterable[tuple[str, str]]) -> set[str]:
    return {name for name, times in Counter(name for name, _ in groups).items() if times > 1}
