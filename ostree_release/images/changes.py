"""Everything that differs between two images and that somebody may want to decide about."""

from __future__ import annotations

import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..account_list import GROUP, USER
from ..errors import Refused
from ..model import Package
from ..repository.reading import Repository
from ..repository.tree import Attributes, Entry, Tree, differing
from . import accounts, capabilities, pkglist, rpmdb
from .accounts import Accounts, Shift
from .directories import PRIVILEGED, Directories
from .pkglist import Change

_PARTS = ("vendors", "repositories", "privileges", "accounts")


@dataclass(frozen=True)
class Image:
    """One image to compare.

    + origins: package -> package repository, None where nobody kept them
    """

    repository: Repository
    checksum: str
    origins: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Source:
    """A package that another vendor, or another package repository, is the source of now."""

    name: str
    old: str
    new: str


@dataclass(frozen=True)
class Privilege:
    """A file that gives more rights to whoever runs it than the file at its path did before.

    + kind: setuid, setgid, "setuid and setgid" or capabilities
    + old, new: what it has, None without any
    """

    path: str
    kind: str
    old: str | None
    new: str


@dataclass(frozen=True)
class Size:
    """The sum of the sizes of all different files, in bytes."""

    old: int
    new: int


@dataclass(frozen=True)
class Changes:
    """What differs from one image to the next.

    + not_compared: part -> why it could not be compared
    """

    packages: tuple[Change, ...]
    vendors: tuple[Source, ...]
    repositories: tuple[Source, ...]
    privileges: tuple[Privilege, ...]
    accounts: tuple[Shift, ...]
    size: Size
    not_compared: Mapping[str, str]


def difference(old: Image, new: Image, known: Directories) -> Changes:
    """Compare two images; refuses one that cannot be read.

    + known: what is below directories
    """
    before, after = (image.repository.packages(image.checksum) for image in (old, new))
    was, now = (image.repository.tree(image.checksum) for image in (old, new))
    users, users_now = accounts.read(was), accounts.read(now)
    missing: dict[str, str] = {}
    if before is None or after is None:
        missing["packages"] = "a commit lists no packages (rpmostree.rpmdb.pkglist)"
        before = after = ()
    return Changes(
        packages=tuple(pkglist.changes(before, after)),
        vendors=tuple(_vendors(was, now, missing)),
        repositories=tuple(_repositories(old.origins, new.origins, before, after, missing)),
        privileges=tuple(_privileges(was, now, users_now, known)),
        accounts=accounts.shifts(users, users_now),
        size=Size(_size(was, known), _size(now, known)),
        not_compared=missing,
    )


def as_json(changes: Changes) -> dict[str, Any]:
    """Return changes as results and the users' own gates have them."""
    return {
        "packages": pkglist.as_json(changes.packages),
        **{part: [asdict(each) for each in getattr(changes, part)] for part in _PARTS},
        "size": asdict(changes.size),
        "not_compared": dict(changes.not_compared),
    }


def moved(old: Mapping[Package, str], new: Mapping[Package, str]) -> Iterator[Source]:
    """Yield the packages, by name and architecture, that have another source than before."""
    before, after = _sources(old), _sources(new)
    for name in sorted(before.keys() & after.keys()):
        if before[name] != after[name]:
            yield Source(name, ", ".join(sorted(before[name])), ", ".join(sorted(after[name])))


def privileges(path: str, old: Attributes | None, new: Attributes, users: Accounts) -> Iterator[Privilege]:
    """Yield what a file gives to whoever runs it that the one before, if any, did not give just so."""
    for read in (_special_mode, _capabilities):
        was, now = read(old, users) if old else None, read(new, users)
        if now and was != now:
            yield Privilege(path, now[0], was[1] if was else None, now[1])


def _sources(packages: Mapping[Package, str]) -> dict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for package, source in packages.items():
        found[f"{package.name}.{package.arch}"].add(source)
    return dict(found)


def _vendors(old: Tree, new: Tree, missing: dict[str, str]) -> Iterator[Source]:
    try:
        if [entry.content for entry in rpmdb.files(old)] == [entry.content for entry in rpmdb.files(new)]:
            return  # the same database: rpm need not be asked
        before, after = (
            {each.package: each.vendor or "nobody" for each in rpmdb.read(tree)} for tree in (old, new)
        )
    except Refused as refusal:
        missing["vendors"] = str(refusal)
        return
    yield from moved(before, after)


def _repositories(
    old: Mapping[str, str] | None,
    new: Mapping[str, str] | None,
    before: Iterable[Package],
    after: Iterable[Package],
    missing: dict[str, str],
) -> Iterator[Source]:
    if not old or not new:
        missing["repositories"] = "not kept when the image was composed"
        return
    yield from moved(*(
        {package: origins[package.nevra] for package in packages if package.nevra in origins}
        for origins, packages in ((old, before), (new, after))
    ))  # fmt: skip


def _privileges(old: Tree, new: Tree, users: Accounts, known: Directories) -> Iterator[Privilege]:
    everywhere = known.below(old, old.root) is None  # something cannot be read, which the walk is to meet
    for was, now in differing(old, new, lambda now: everywhere or known.may_have(new, now, PRIVILEGED)):
        if now and not now.is_directory:
            yield from privileges(now.path, _file(old, was), new.attributes(now), users)


def _file(tree: Tree, entry: Entry | None) -> Attributes | None:
    return None if entry is None or entry.is_directory else tree.attributes(entry)


def _special_mode(file: Attributes, users: Accounts) -> tuple[str, str] | None:
    """Return the kind and words of the bits that make a program run as somebody else."""
    bits = [name for name, bit in (("setuid", stat.S_ISUID), ("setgid", stat.S_ISGID)) if file.mode & bit]
    if not bits or not stat.S_ISREG(file.mode):
        return None
    owners = [_name(users, USER, file.uid)] + [_name(users, GROUP, file.gid)] * ("setgid" in bits)
    return " and ".join(bits), f"{':'.join(owners)}, {stat.S_IMODE(file.mode):o}"


def _capabilities(file: Attributes, _: Accounts) -> tuple[str, str] | None:
    value = file.xattrs.get(capabilities.ATTRIBUTE)
    return None if value is None else ("capabilities", capabilities.words(value))


def _name(users: Accounts, kind: str, number: int) -> str:
    names = [name for (found, name), its in users.items() if found == kind and its == number]
    return names[0] if names else str(number)


def _size(tree: Tree, known: Directories) -> int:
    size = known.size(tree)
    if size is None:  # something cannot be read: the walk meets it, and says what
        files = {entry.content: entry for entry in tree.walk() if not entry.is_directory}
        size = sum(tree.attributes(entry).size for entry in files.values())
    return size
