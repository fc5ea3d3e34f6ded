"""What time it is, and whether it may date a release: clients refuse updates older than what they run."""

from __future__ import annotations

import time

from . import programs
from .errors import Refused
from .model import Commit

DAY = 86400  # seconds


def now() -> int:
    """Return the seconds since 1970: wherever the program decides by the time, it asks here."""
    return int(time.time())


def release_timestamp(newest: Commit | None) -> int:
    """Return the timestamp for the next release, in seconds: now, or just after the newest release.

    Refuses when the newest release is dated more than a day ahead, or when the clock is not synchronised yet.
    """
    present = now()
    if newest and newest.timestamp > present + DAY:
        ahead = (newest.timestamp - present) // 3600
        raise Refused(
            f"clock: the newest release {newest.version} is dated {ahead} hours ahead: set the clock right"
        )
    if awaits_time():
        raise Refused("clock: not synchronised yet (timedatectl): wait for the time service, or repair it")
    return max(present, newest.timestamp + 1 if newest else 0)


def awaits_time() -> bool:
    """Say whether this host's time service is on and has not synchronised the clock.

    In a container the clock is the host's, and a time service that is off says that somebody else keeps the
    time: neither is judged.
    """
    properties = set(_output("timedatectl", "show", "-p", "NTP", "-p", "NTPSynchronized").split())
    return {"NTP=yes", "NTPSynchronized=no"} <= properties and not _in_container()


def _in_container() -> bool:
    return _output("systemd-detect-virt", "--container").strip() not in ("", "none")


def _output(*command: str) -> str:
    try:
        return programs.run(*command).stdout
    except FileNotFoundError:
        return ""
