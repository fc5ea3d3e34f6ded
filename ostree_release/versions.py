"""Version names: one legal ref component each, and which one comes next."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date

from .errors import Refused

LEGAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_RELEASED_AGAIN = re.compile(r".*\.r[0-9]+")
_LIMIT = 100  # characters; a ref's component is a file's name


def is_legal(version: str) -> bool:
    """Say whether a version can stand in a ref (`releases/VERSION`)."""
    return LEGAL.fullmatch(version) is not None


def check(version: str) -> str:
    """Return a build's version, or refuse one that is not a legal component of a ref, or a release's."""
    if not is_legal(version):
        raise Refused(
            f"version {version!r}: use letters, digits, '.', '_' and '-' only, "
            "and start with a letter, a digit or '_'"
        )
    if len(version) > _LIMIT:
        raise Refused(f"version {version[:20]}...: use at most {_LIMIT} characters")
    if _RELEASED_AGAIN.fullmatch(version):
        raise Refused(
            f"version {version}: what ends in .r and a number is content released again, not a build"
        )
    return version


def next_build(release: str, today: date, existing: Collection[str]) -> str:
    """Return the first free build version `<release>.<yyyymmdd>.<n>` of a day.

    + existing: the versions that are taken. Numbers of a day are never reused, also when a middle one is gone
    """
    prefix = f"{release}.{today:%Y%m%d}."
    numbered = (re.fullmatch(rf"{re.escape(prefix)}([0-9]+)", version) for version in existing)
    numbers = (int(match[1]) for match in numbered if match)
    return f"{prefix}{max(numbers, default=-1) + 1}"


def released_again(content_version: str, serial: int) -> str:
    """Return the version under which content is released again: `<version>.r<serial>`."""
    return f"{content_version}.r{serial}"


def of_content(version: str, serial: int) -> str:
    """Return the build's version from its release's version and serial; the inverse of `released_again`."""
    suffix = f".r{serial}"
    return version[: -len(suffix)] if version.endswith(suffix) else version
