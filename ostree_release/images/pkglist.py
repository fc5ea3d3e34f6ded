"""Order of RPM versions, and what changed between two package lists.

The ordering is that of rpm's rpmvercmp, as its manual page rpm-version(7) describes it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ..model import KINDS, Package

if TYPE_CHECKING:  # lists are compared without libostree
    from ..repository.reading import Repository

Image = tuple["Repository", str]
"""A repository, and the checksum of a commit there."""

Key = TypeVar("Key")
Diff = dict[str, list[dict[str, str]]]


@dataclass(frozen=True)
class Change:
    """A package that differs.

    + kind: one of KINDS
    + name: with the architecture where there are several
    """

    kind: str
    name: str
    old: Package | None
    new: Package | None


# Everything else only separates segments.
_SEGMENT = re.compile(r"[0-9]+|[A-Za-z]+|~|\^")
_RANKS = {"~": 0, "^": 2}  # of what is not letters, 3, nor digits, 4; the end is 1


def version_order(text: str) -> list[tuple[int, int, str]]:
    """Return what sorts version or release strings: lists of segments, each with its rank before its text.

    Segments of digits compare as numbers and beat letters; `~` sorts before everything, even the end; `^`
    sorts after the end but before any other segment.
    """
    found = []
    for segment in _SEGMENT.findall(text):
        digits = segment.lstrip("0") if segment.isdigit() else None
        found.append((_RANKS.get(segment, 3), 0, segment) if digits is None else (4, len(digits), digits))
    return [*found, (1, 0, "")]


def order(package: Package) -> tuple[Any, ...]:
    """Return what sorts packages of one name: epoch, version, release."""
    return int(package.epoch or 0), version_order(package.version), version_order(package.release)


def changes(old: Iterable[Package], new: Iterable[Package]) -> Iterator[Change]:
    """Yield what was added, removed, upgraded and downgraded, sorted by name.

    Packages are the same by name and architecture. Where several versions of one are installed side by side
    (kernels, keys), those in both lists are no change; the rest are paired from the newest down.
    """
    before, after = (grouped(each, lambda package: (package.name, package.arch)) for each in (old, new))
    several = _names_with_several_architectures(before) | _names_with_several_architectures(after)
    for key in sorted(before.keys() | after.keys()):
        name = ".".join(key) if key[0] in several else key[0]
        gone = [package for package in before[key] if package not in after[key]]
        come = [package for package in after[key] if package not in before[key]]
        for was, now in zip(gone, come):
            kind = "upgraded" if order(now) >= order(was) else "downgraded"
            yield Change(kind, name, was, now)
        yield from (Change("removed", name, package, None) for package in gone[len(come) :])
        yield from (Change("added", name, None, package) for package in come[len(gone) :])


def diff(old: Iterable[Package] | None, new: Iterable[Package] | None) -> Diff:
    """Return what was added, removed, upgraded and downgraded, as results and JSON have it.

    + old, new: None where there is no image or its commit lists none: nothing to compare, so nothing changed
    """
    return as_json(() if old is None or new is None else changes(old, new))


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
    return diff(*(image[0].packages(image[1]) if image else None for image in (old, new)))


def counts(changes: Diff) -> dict[str, int]:
    """Return how many packages each kind of change touches."""
    return {kind: len(changes[kind]) for kind in KINDS}


def grouped(packages: Iterable[Package], key: Callable[[Package], Key]) -> defaultdict[Key, list[Package]]:
    """Return packages by a key, those of one the newest first."""
    groups: defaultdict[Key, list[Package]] = defaultdict(list)
    for package in packages:
        groups[key(package)].append(package)
    for group in groups.values():
        if len(group) > 1:
            group.sort(key=order, reverse=True)
    return groups


def _names_with_several_architectures(groups: Iterable[tuple[str, str]]) -> set[str]:
    return {name for name, times in Counter(name for name, _ in groups).items() if times > 1}
