"""Users and groups in a compose: what is kept from a file, made by sysusers.d, and checked at the end.

As rpm-ostree's passwd.rs does it, but for where they end: the lab's clients have no nss-altfiles, so that
everybody stays in /etc.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from lab.rpm_ostree.errors import FailedError
from lab.rpm_ostree.install import PREFIX

Say = Callable[[str], None]
Numbers = tuple[int, ...]

# By the treefile's key: the file, its shadow and a line of that; how the real program speaks of it.
_KINDS = {
    "check-passwd": ("passwd", "shadow", "{}:*::0:99999:7:::", "user", ("passwd UID", "passwd GID")),
    "check-groups": ("group", "gshadow", "{}:::", "group", ("group GID",)),
}
FILES = {key: f"usr/etc/{name}" for key, (name, *_) in _KINDS.items()}


def source(tree: Mapping[str, Any], key: str) -> str:
    """Return where a treefile wants users or groups to be checked against; by default the previous commit."""
    return str(tree.get(key, {}).get("type", "previous"))


def prepare(root: Path, tree: Mapping[str, Any], files: Mapping[str, str], previous: str | None) -> None:
    """Put the accounts that a treefile keeps into an empty root: a package's %pre finds who is there.

    + files: the text of the treefile's account files, by their key
    """
    if not tree.get("preserve-passwd", True):
        return
    given = [key for key in _KINDS if source(tree, key) == "file"]
    if len(given) == 1:
        one, other = ("JSON", "commit") if given == ["check-passwd"] else ("commit", "JSON")
        raise FailedError(
            f"{PREFIX}: configured to migrate passwd data from {one}, and group data from {other}"
        )
    if not given:
        if previous:
            # Fails in unified core, which puts /etc elsewhere.
            raise FailedError(f"{PREFIX}: failed to merge entries into /etc/passwd")
        return
    etc = root / "etc"
    etc.mkdir()
    for key in given:
        name, shadow, line, _, _ = _KINDS[key]
        entries = dict(_entries(files[key]))
        (etc / name).write_text("".join(f"{entry}\n" for entry in entries.values()))
        (etc / shadow).write_text("".join(f"{line.format(account)}\n" for account in entries))
        (etc / shadow).chmod(0)


def settle(root: Path, packages: Collection[str]) -> None:
    """Take away the account files that a package brought beside the ones which were kept, locks and backups.

    + packages: names. Only to one called setup does the real program grant that somebody else made them
    """
    for name, shadow, *_ in _KINDS.values():
        for path in (root / f"etc/{name}.rpmnew", root / f"etc/{shadow}.rpmnew"):
            if path.exists() and "setup" not in packages:
                raise FailedError(f"{PREFIX}: Checkout: Hardlinking {path.stem}: File exists")
            path.unlink(missing_ok=True)
        for file in (name, shadow):
            (root / f"etc/{file}-").unlink(missing_ok=True)
    (root / "etc/.pwd.lock").unlink(missing_ok=True)


def run_sysusers(root: Path) -> None:
    """Make the users of sysusers.d, with the server's systemd-sysusers; without that they stay missing."""
    program = shutil.which("systemd-sysusers")
    if program is None:
        return
    done = subprocess.run([program, f"--root={root}"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise FailedError(f"{PREFIX}: Running systemd-sysusers: {done.stderr.strip()}")


def check(
    root: Path,
    tree: Mapping[str, Any],
    files: Mapping[str, str],
    previous: Mapping[str, str],
    say: Say,
) -> None:
    """Compare a tree's accounts with those that its treefile names; raises FailedError where one has moved.

    + previous: the texts of the previous commit's account files, by key
    """
    for key, (name, _, _, kind, words) in _KINDS.items():
        new = {account: numbers for account, numbers in _numbers(root / f"usr/etc/{name}") if numbers[0]}
        old = _wanted(tree, key, files, previous)
        context = f"Postprocessing and committing: Validating {kind} entries according to treefile {key}"
        ignored = set(tree.get(f"ignore-removed-{kind}s", []))
        for account in sorted(old.keys() - new.keys()):
            if ignored & {account, "*"}:
                say(f"Ignored {kind} missing from new {name} file: {account}")
            elif _owns_anything(root, kind, old[account][0]):
                raise FailedError(f"{context}: {kind.capitalize()} missing from new {name} file: {account}")
            else:
                say(f"Unused {kind} removed from new {name} file: {account}")
        for account in sorted(old.keys() & new.keys()):
            for was, now, number in zip(old[account], new[account], words, strict=True):
                if was != now:
                    # The real program names the numbers of a group the other way round.
                    moved = f"{was} to {now}" if kind == "user" else f"{now} to {was}"
                    raise FailedError(f"{context}: {number} changed: {account} ({moved})")
        added = sorted(new.keys() - old.keys())
        if added and source(tree, key) != "none":
            say(f"New {name} entries: {', '.join(added)}")


def _wanted(
    tree: Mapping[str, Any], key: str, files: Mapping[str, str], previous: Mapping[str, str]
) -> dict[str, Numbers]:
    kind = source(tree, key)
    if kind == "data":
        entries = tree[key].get("entries", {})
        return {
            name: tuple(value) if isinstance(value, list) else (value,) * len(_KINDS[key][4])
            for name, value in entries.items()
        }
    text = {"file": files, "previous": previous}.get(kind, {}).get(key)
    if text is None:
        return {}
    found = {account: _of(entry) for account, entry in _entries(text)}
    # The real program has the root of a commit in /etc, where it does not look.
    return found if kind == "file" else {account: numbers for account, numbers in found.items() if numbers[0]}


def _owns_anything(root: Path, kind: str, number: int) -> bool:
    found = (path.lstat() for path in root.rglob("*"))
    return any(number == (each.st_uid if kind == "user" else each.st_gid) for each in found)


def _numbers(path: Path) -> Iterator[tuple[str, Numbers]]:
    for account, entry in _entries(path.read_text()):
        yield account, _of(entry)


def _entries(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield line.partition(":")[0], line


def _of(entry: str) -> Numbers:
    fields = entry.split(":")
    return tuple(int(each) for each in fields[2:4] if each) if len(fields) == 7 else (int(fields[2]),)
