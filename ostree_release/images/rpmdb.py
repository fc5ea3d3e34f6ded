"""The RPM database inside an image, read by the `rpm` program from a copy."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .. import programs
from ..errors import Refused
from ..model import Package

if TYPE_CHECKING:
    from ..repository.tree import Entry, Tree

# Where rpm-ostree puts it, and where it is a link to; the first one with files counts.
_FOLDERS = ("/usr/share/rpm", "/usr/lib/sysimage/rpm")
_DATABASES = {"rpmdb.sqlite", "Packages.db", "Packages"}  # of the formats that rpm knows
_FIELDS = ("NAME", "EPOCHNUM", "VERSION", "RELEASE", "ARCH", "VENDOR")
_KEY = "gpg-pubkey"  # a trusted key, which the database keeps like a package


@dataclass(frozen=True)
class Installed:
    """A package with its vendor, None where it names none."""

    package: Package
    vendor: str | None


def files(tree: Tree) -> tuple[Entry, ...]:
    """Return the database's files, with the write-ahead log beside it; refuses a tree without one."""
    for folder in _FOLDERS:
        found = tuple(entry for entry in tree.names(folder) if not entry.is_directory)
        if any(_name(entry) in _DATABASES for entry in found):
            return found
    raise Refused(f"no rpm database in {' or '.join(_FOLDERS)}")


def read(tree: Tree) -> tuple[Installed, ...]:
    """Return what the database says is installed; refuses one that rpm cannot read."""
    with tempfile.TemporaryDirectory(prefix="ostree-release-rpm-") as folder:
        database = Path(folder) / "db"
        database.mkdir()
        for entry in files(tree):
            with (database / _name(entry)).open("wb") as file:
                file.writelines(tree.pieces(entry))
        return parse(_query(database, Path(folder)))


def parse(output: str) -> tuple[Installed, ...]:
    """Return the packages that rpm listed, one a line, its fields in order; refuses what is not like that."""
    found = []
    *lines, rest = output.split("\n")
    if rest:
        raise Refused(f"rpm's list of packages ends in the middle: {rest[:40]!r}")
    for line in lines:
        *fields, vendor = line.split("\t", len(_FIELDS) - 1)
        if len(fields) < len(_FIELDS) - 1:
            raise Refused(f"a package with a field of several lines: {line[:40]!r}")
        if fields[0] != _KEY:
            found.append(Installed(Package(*fields), None if vendor == "(none)" else vendor))
    return tuple(found)


def unlike(installed: Iterable[Installed], listed: Iterable[Package]) -> tuple[set[Package], set[Package]]:
    """Return what only the database has and what only the commit's own list has."""
    ours, theirs = {each.package for each in installed}, set(listed)
    return ours - theirs, theirs - ours


def _name(entry: Entry) -> str:
    return entry.path.rpartition("/")[2]


def _query(database: Path, home: Path) -> str:
    line = "\\t".join(f"%{{{name}}}" for name in _FIELDS) + "\\n"
    # Nobody's macros: only what the host's own rpm says.
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "LC_ALL": "C.UTF-8"}
    command = ("rpm", "--dbpath", str(database), "--query", "--all", "--queryformat", line)
    try:
        done = programs.run(*command, env=environment, timeout=300)
    except FileNotFoundError:
        raise Refused("rpm is not installed on this server: deploy the server again") from None
    except subprocess.TimeoutExpired:
        raise Refused("rpm did not end within 5 minutes") from None
    # A warning is no refusal: rpm has one where an index is missing that it can make.
    problem = next((line for line in done.stderr.splitlines() if line.startswith("error:")), "")
    if done.returncode or problem:
        raise Refused(f"rpm cannot read it: {problem or f'exit status {done.returncode}'}")
    return done.stdout
