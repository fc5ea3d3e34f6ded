"""Freeze windows: the days on which nothing is promoted by itself. Also read where the settings are checked.

A window is a weekday ("friday"), a day ("2026-12-24") or the days from one to another, both included
("2026-12-24/2027-01-02"). Days begin and end at midnight in the server's local time zone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WORDS = "a weekday such as 'friday', a day such as '2026-12-24', or days such as '2026-12-24/2027-01-02'"
_LONGEST = 366  # days that are looked ahead


def is_window(value: object) -> bool:
    """Say whether a value is a window."""
    return isinstance(value, str) and (value in WEEKDAYS or _days(value) is not None)


def frozen_by(windows: Iterable[str], day: date) -> str | None:
    """Return the window that a day lies in, or None."""
    return next((window for window in windows if _holds(window, day)), None)


def thaws(windows: Iterable[str], day: date) -> date | None:
    """Return the first day after a frozen one that lies in no window; None if there is none within a year."""
    given = tuple(windows)
    later = (day + timedelta(days=number) for number in range(1, _LONGEST + 1))
    return next((each for each in later if frozen_by(given, each) is None), None)


def local_day(moment: int) -> date:
    """Return the day of a moment (seconds since 1970) in this machine's time zone."""
    return datetime.fromtimestamp(moment).date()


def _holds(window: str, day: date) -> bool:
    if window in WEEKDAYS:
        return WEEKDAYS[day.weekday()] == window
    days = _days(window)
    return days is not None and days[0] <= day <= days[1]


def _days(window: str) -> tuple[date, date] | None:
    """Return the first and the last day of a window of dates; None for what is none."""
    first, slash, last = window.partition("/")
    try:
        days = _day(first), _day(last if slash else first)
    except ValueError:
        return None
    return days if days[0] <= days[1] else None


def _day(text: str) -> date:
    return datetime.strptime(text, "%Y-%m-%d").date()
