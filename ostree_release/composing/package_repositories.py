"""Which package repositories libdnf reads in place: it copies nothing of those into a compose's cache.

Those are the ones whose first baseurl is a file:// URL or a path, and that have no mirrorlist or metalink
(dnf_repo_set_keyfile_data in libdnf's dnf-repo.cpp).
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import Refused

_FILE = "file://"
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def listed(treefile: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the identifiers of the package repositories that a treefile names."""
    return tuple(dict.fromkeys([*(treefile.get("repos") or ()), *(treefile.get("lockfile-repos") or ())]))


def in_place(folder: Path, treefile: Mapping[str, Any], name: str) -> Path | None:
    """Return the directory of a package repository that is read in place, or None for one that is fetched.

    + folder: where the treefile is, and the .repo files beside it
    + treefile: its merged keys, which have the values of a URL's variables
    Refuses .repo files that nobody can read, or that say two things.
    """
    found = {
        _directory(section, _variables(treefile))
        for path in sorted(folder.glob("*.repo"))
        for identifier, section in _parsed(path).items()
        if identifier == name
    }
    if len(found) > 1:
        raise Refused(f"the .repo files in {folder} name more than one place for it")
    return found.pop() if found else None


def _parsed(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(
        delimiters=("=",), interpolation=None, strict=False, default_section=""
    )
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from error
    except (configparser.Error, UnicodeDecodeError) as error:
        raise Refused(f"{path}: {' '.join(str(error).split())}") from error
    return parser


def _directory(section: Mapping[str, str], variables: Mapping[str, str]) -> Path | None:
    urls = [url for url in re.split(r"[\s,;]+", section.get("baseurl", "")) if url]
    if not urls or section.get("mirrorlist") or section.get("metalink"):
        return None
    first = _VARIABLE.sub(lambda match: variables.get(match[1] or match[2], match[0]), urls[0])
    if "://" not in first and not first.startswith("file:/"):
        return Path(os.path.realpath(first))
    return Path(first[len(_FILE) :]) if first[: len(_FILE)].lower() == _FILE else None


def _variables(treefile: Mapping[str, Any]) -> dict[str, str]:
    known = {"releasever": treefile.get("releasever"), "basearch": treefile.get("basearch")}
    both = {**(treefile.get("repovars") or {}), **known}
    return {name: str(value) for name, value in both.items() if value is not None}
