"""Who asked: the name that goes into the journal."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping

TIMER = "timer"


def current(environ: Mapping[str, str]) -> str:
    """Return the login behind sudo, else the name of the user that runs this process."""
    return environ.get("SUDO_USER") or user()


def user() -> str:
    """Return the name of the effective user, or its number where it has no name."""
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
