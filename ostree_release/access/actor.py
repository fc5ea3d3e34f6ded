"""Who asked: the name that goes into the journal, from what the kernel and sudo know.

The login uid is set once by the login (pam_loginuid) and kept by the kernel through su and sudo. Where no
login set it, anybody can set it once, so it never hides whom sudo served: if they differ, both are recorded.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Mapping
from pathlib import Path

TIMER = "timer"
_LOGIN_UID = Path("/proc/self/loginuid")
_UNSET = 2**32 - 1  # what the kernel says of a process that no login began
_AS = re.compile(r"(\S.*) \(as (.*)\)")


def current(environ: Mapping[str, str], served: str | None = None) -> str:
    """Return who asked, as the journal names it.

    + environ: the environment that sudo made; only SUDO_UID counts, which its caller cannot choose
    + served: the name of whom sudo served, where that is better known than by SUDO_UID
    """
    return recorded(_login_uid(), _number(environ.get("SUDO_UID", "")), os.geteuid(), served)


def recorded(login: int | None, sudo: int | None, effective: int, served: str | None = None) -> str:
    """Return the name to record: the login, or whom sudo served, or the process; `A (as B)` for two.

    + login, sudo: user numbers, or None where there is none
    """
    by = served or _name(effective if sudo is None else sudo)
    if login is None or login == sudo:
        return by
    return _name(login) if sudo is None and served is None else f"{_name(login)} (as {by})"


def people(actor: str) -> frozenset[str]:
    """Return everybody whom a recorded actor names, to compare who did one thing with who did another."""
    both = _AS.fullmatch(actor)
    return frozenset(both.groups()) if both else frozenset({actor})


def user() -> str:
    """Return the name of the effective user, or its number where it has no name."""
    return _name(os.geteuid())


def _login_uid() -> int | None:
    try:
        number = _number(_LOGIN_UID.read_text(encoding="ascii").strip())
    except OSError:  # a kernel without auditing
        return None
    return None if number == _UNSET else number


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return str(uid)
