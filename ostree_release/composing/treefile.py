"""Which treefile a compose reads, and what is wrong with it before anything is composed."""

from __future__ import annotations

import hashlib
import json
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from .. import programs
from ..config import Environment, local_treefile
from ..errors import Refused

_NAMES = ".folder"  # where deploy.py notes what it has put beside the treefiles


def effective(environment: Environment) -> Path:
    """Return the treefile to read: `NAME.local.yaml` beside the managed `NAME.yaml`, if it is there."""
    assert environment.treefile is not None
    local = local_treefile(environment.treefile)
    return local if local.exists() else environment.treefile


def hashes(environment: Environment, *more: Path) -> dict[str, str]:
    """Return the SHA-256 of the managed treefile and of the local one, by file name; those that are there.

    `folder` is that of all files of the administrator's folder beside them, with names and modes.
    more: other files that a compose is made from.
    """
    assert environment.treefile is not None
    files = {environment.treefile, effective(environment), *more}
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files) if path.exists()
    }
    return {**found, **_folder(environment.treefile.parent)}


def _folder(place: Path) -> dict[str, str]:
    try:
        names = (place / _NAMES).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    digest = hashlib.sha256()
    for path in (place / name for name in sorted(names)):
        content = path.read_bytes() if path.is_file() else b""
        mode = f"{stat.S_IMODE(path.stat().st_mode):o}" if path.is_file() else "not there"
        digest.update(f"{path.relative_to(place)} {mode} {len(content)}\n".encode() + content)
    return {"folder": digest.hexdigest()} if names else {}


def check(environment: Environment) -> tuple[Path, dict[str, Any]]:
    """Return the treefile to compose, and its merged keys; refuses unknown ones, or another ref than is due.

    rpm-ostree refuses unknown keys only in files that end in .yaml, and passes them on from JSON ones. So
    what it makes of the treefile and its includes is handed to it once more under such a name; JSON is YAML.
    """
    path = effective(environment)
    merged = _parsed(path)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.stem}.", suffix=".yaml") as copy:
        json.dump(merged, copy)
        copy.flush()
        again = _print_only(Path(copy.name))
    if again.returncode and "unknown field" in again.stderr.lower():
        reason = again.stderr.strip().rpartition("\n")[2].rpartition(copy.name)[2].lstrip(": ")
        raise Refused(f"treefile {path}: {reason}")
    if merged.get("ref") != environment.ref:
        raise Refused(
            f"treefile {path}: its ref is {merged.get('ref')!r}, not {environment.name}'s {environment.ref!r}"
        )
    return path, merged


def _parsed(path: Path) -> dict[str, Any]:
    done = _print_only(path)
    if done.returncode:
        raise Refused(
            f"treefile {path}: {done.stderr.strip().rpartition(chr(10))[2].removeprefix('error: ')}"
        )
    try:
        merged = json.loads(done.stdout)
    except (ValueError, RecursionError) as error:
        raise Refused(f"treefile {path}: what rpm-ostree printed for it is no JSON: {error}") from None
    if not isinstance(merged, dict):
        raise Refused(f"treefile {path}: rpm-ostree printed no object for it")
    return merged


def _print_only(path: Path) -> subprocess.CompletedProcess[str]:
    try:
        return programs.run("rpm-ostree", "compose", "tree", "--print-only", str(path))
    except FileNotFoundError:
        raise Refused(
            "rpm-ostree is not installed: this server serves and promotes, but cannot compose"
        ) from None
