"""Keeping the numbers of users and groups from build to build: files on the machines belong to the numbers.

rpm-ostree numbers a package's user anew in every compose, and the next package that comes in between moves
it. It keeps only what it is handed: a file with everybody who has ever been in an image (its passwd.rs).
That list only grows. A name that has left stays in it, and its number is never another's.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .. import account_list, files
from ..account_list import GROUP, KINDS, ROOT, USER, Account, AccountList, Clash
from ..config import Config, Environment
from ..context import Context
from ..errors import Refused
from ..repository.reading import Repository
from ..repository.tree import Tree
from ..text import some

# Keys of a treefile by which rpm-ostree is told what to keep. A treefile that has one goes its own way.
KEYS = ("check-passwd", "check-groups", "preserve-passwd")

_IGNORED = ("ignore-removed-users", "ignore-removed-groups")
_FILES = {USER: "passwd", GROUP: "group"}
_ROOTS = tuple(account_list.of_image("root:x:0:0:root:/root:/bin/bash", "root:x:0:"))
_SHOWN = 5  # contradictions in one refusal
_NEWEST = "newest.json"  # which build has been remembered
_HANDED = "handed"  # folder with what rpm-ostree was given: the list, as it was at the newest build


def folder(config: Config, environment: Environment) -> Path:
    """Return the directory of a composed environment's list, which only root writes to."""
    return config.state / "accounts" / environment.name


def seed(config: Config) -> Path:
    """Return the file that `deploy.py` installs where a setting names one."""
    return config.state / "accounts" / "seed"


def known(config: Config, environment: Environment) -> AccountList:
    """Return the list as it is kept; empty where there is none yet."""
    return _read(folder(config, environment))


def catch_up(context: Context, environment: Environment, repository: Repository) -> AccountList:
    """Return the list with all that it lacks, written: kept builds, what was released of them, the seed.

    A build is missing from it after a compose that was killed, or made by hand, or before there were lists.
    Refuses a seed that contradicts the list or the builds, and has changed nothing then.
    """
    before = known(context.config, environment)
    found = before
    clashes: list[Clash] = []
    newest = repository.refs().get(environment.ref)
    if newest and (not before.accounts or _remembered(context.config, environment) != newest):
        for tree in _trees(context, environment, repository):
            try:
                accounts = tuple(_of_tree(tree))
            except Refused as refusal:
                context.say(f"An earlier build's users and groups cannot be read: {refusal}")
                continue
            found, more = found.with_all(accounts)
            clashes += more
    found = _with_seed(context, found)
    if found.accounts:
        found = found.with_all(_ROOTS)[0]  # rpm-ostree makes everybody from it, and would make no root
    for clash in dict.fromkeys(map(str, clashes)):
        context.say(f"Not remembered, from an earlier build: {clash}")
    _write(context, environment, before, found)
    if newest:
        _remember(context.config, environment, newest)
    return found


def remember(
    context: Context, environment: Environment, repository: Repository, build: str
) -> tuple[Account, ...]:
    """Put into the list who is new in a build, and say so; returns those.

    + build: its checksum
    """
    before = known(context.config, environment)
    found, clashes = before.with_all(_of_tree(repository.tree(build)))
    for clash in clashes:
        context.say(f"Not remembered, of this build: {clash}")
    _write(context, environment, before, found)
    _remember(context.config, environment, build)
    return found.accounts[len(before.accounts) :]


@contextlib.contextmanager
def handed(
    config: Config, environment: Environment, treefile: Path, merged: Mapping[str, Any]
) -> Iterator[Path]:
    """Give the treefile to compose: the environment's own, with the keys that have rpm-ostree keep a list.

    + treefile, merged: its own, and what rpm-ostree makes of it; one that goes its own way is given as it is.
      The one that is given lies beside it, because rpm-ostree looks for package repositories there; it is
      always called the same, so that the next compose takes away what one that was killed has left
    """
    place = folder(config, environment) / _HANDED
    path = treefile.with_name(f".{treefile.stem}.composed{treefile.suffix}")
    path.unlink(missing_ok=True)
    if own_keys(merged) or not all((place / name).exists() for name in _FILES.values()):
        yield treefile
        return
    keys = {
        "include": treefile.name,
        "check-passwd": {"type": "file", "filename": str(place / _FILES[USER])},
        "check-groups": {"type": "file", "filename": str(place / _FILES[GROUP])},
        "preserve-passwd": True,
        # It looks for everybody in /usr/lib, and keeps root in /etc.
        **{key: sorted({ROOT, *(merged.get(key) or ())}) for key in _IGNORED},
    }
    _replace(path, json.dumps(keys))
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def hand(config: Config, environment: Environment, accounts: AccountList) -> None:
    """Have rpm-ostree keep a list from now on; an empty one not, because it makes everybody from the list."""
    place = folder(config, environment) / _HANDED
    for kind in KINDS:
        if accounts.accounts:
            _replace(place / _FILES[kind], accounts.text(kind))
        else:
            (place / _FILES[kind]).unlink(missing_ok=True)


def last_handed(config: Config, environment: Environment) -> AccountList:
    """Return the list that was handed last: as it was when the newest build was composed."""
    return _read(folder(config, environment) / _HANDED)


def may_be_unchanged(
    config: Config, environment: Environment, repository: Repository, accounts: AccountList
) -> bool:
    """Say whether the list has grown since it was handed, and only by who is in the newest build.

    The files count as input: rpm-ostree would compose once more only because of them.
    """
    newest = repository.refs().get(environment.ref)
    if newest is None:
        return False
    new = _numbered(accounts.accounts) - _numbered(last_handed(config, environment).accounts)
    return bool(new) and new <= _numbered(_of_tree(repository.tree(newest)))


def paths(config: Config, environment: Environment) -> tuple[Path, ...]:
    """Return the files of the list: what a compose is made from, too."""
    return tuple(folder(config, environment) / _FILES[kind] for kind in KINDS)


def own_keys(merged: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys by which a treefile goes its own way, so that the list is not handed to rpm-ostree."""
    return tuple(key for key in KEYS if merged.get(key) is not None)


def _trees(context: Context, environment: Environment, repository: Repository) -> Iterator[Tree]:
    """Yield every build that is kept, newest first, and then what was released: that is kept for longer."""
    promoted = [each for each in context.config.environments if each.promotes_from == environment.name]
    with contextlib.ExitStack() as locks:
        sources = [(repository, environment.ref)]
        for each in promoted:
            locks.enter_context(context.reading(each))
            released = Repository(each.repository)
            sources += [(released, ref) for ref in sorted(released.refs())]
        seen: set[str] = set()
        for place, ref in sources:
            for commit in place.history(ref):
                if commit.checksum in seen:
                    break
                seen.add(commit.checksum)
                yield place.tree(commit.checksum)


def _of_tree(tree: Tree) -> Iterator[Account]:
    places = ("/usr/etc", "/usr/lib")
    contents = (b"\n".join(tree.read(f"{at}/{_FILES[kind]}") or b"" for at in places) for kind in KINDS)
    return account_list.of_image(*(content.decode(errors="replace") for content in contents))


def _numbered(accounts: Iterable[Account]) -> set[tuple[str, str, int]]:
    return {(each.kind, each.name, each.number) for each in accounts}


def _with_seed(context: Context, accounts: AccountList) -> AccountList:
    path = seed(context.config)
    text = _text(path)
    if not text:
        return accounts
    given, problems = account_list.of_seed(text)
    found, clashes = accounts.with_all(given)
    problems = problems or tuple(map(str, clashes))
    if problems:
        raise Refused(
            f"the seed of users and groups, {path} (ostree_accounts_file), contradicts what the images have: "
            f"{some(problems, _SHOWN, between='; ')}"
        )
    return found


def _write(context: Context, environment: Environment, before: AccountList, after: AccountList) -> None:
    """Write the list where it has grown, one file after the other: a cut in between is caught up."""
    place = folder(context.config, environment)
    for kind in KINDS:
        if before.text(kind) != after.text(kind):
            _replace(place / _FILES[kind], after.text(kind))
    new = after.accounts[len(before.accounts) :]
    if new and not before.accounts:
        context.say(f"Remembered from now on: {len(new)} users and groups, in {place}")
    else:
        for each in new:
            context.say(f"new {each}: remembered")


def _remembered(config: Config, environment: Environment) -> str | None:
    return (files.read_object(folder(config, environment) / _NEWEST) or {}).get("build")


def _remember(config: Config, environment: Environment, build: str) -> None:
    _replace(folder(config, environment) / _NEWEST, json.dumps({"build": build}))


def _read(place: Path) -> AccountList:
    return AccountList(tuple(account_list.of_image(*(_text(place / _FILES[kind]) for kind in KINDS))))


def _replace(path: Path, text: str) -> None:
    with files.refusing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, text.encode(), 0o644)


def _text(path: Path) -> str:
    return (files.read(path) or b"").decode(errors="replace")
