"""Freeze windows: which days they hold, when they end, and what is none."""

from __future__ import annotations

from datetime import date

import pytest

from ostree_release import freeze


@pytest.mark.parametrize(
    ("day", "window"),
    [
        (date(2026, 11, 26), None),  # a Thursday
        (date(2026, 11, 27), "friday"),
        (date(2026, 12, 23), None),
        (date(2026, 12, 24), "2026-12-24/2027-01-02"),
        (date(2027, 1, 1), "friday"),  # the first that holds is named
        (date(2027, 1, 2), "2026-12-24/2027-01-02"),
        (date(2027, 1, 3), None),
        (date(2027, 5, 3), "2027-05-03"),
    ],
)
def test_which_days_are_frozen(day: date, window: str | None) -> None:
    windows = ["friday", "2026-12-24/2027-01-02", "2027-05-03"]
    assert freeze.frozen_by(windows, day) == window


def test_when_a_freeze_ends() -> None:
    assert freeze.thaws(["friday"], date(2026, 11, 27)) == date(2026, 11, 28)
    assert freeze.thaws(["friday", "saturday", "2026-11-29"], date(2026, 11, 27)) == date(2026, 11, 30)
    assert freeze.thaws(freeze.WEEKDAYS, date(2026, 11, 27)) is None


def test_days_are_those_of_the_servers_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    thursday_evening = 1795735800  # 2026-11-26 23:30 UTC
    try:
        for zone, day in (("UTC", 26), ("Europe/Berlin", 27), ("CET-1CEST", 27)):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            if zone == "Europe/Berlin" and time.timezone == 0:
                continue  # no time zone data here
            assert freeze.local_day(thursday_evening) == date(2026, 11, day)
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


@pytest.mark.parametrize(
    "value",
    [
        "Friday",
        "",
        "fri",
        "2026-13-01",
        "2026-02-30",
        "2026-12-24/",
        "2027-01-02/2026-12-24",
        "a/b",
        5,
        None,
        [],
    ],
)
def test_what_is_no_window(value: object) -> None:
    assert not freeze.is_window(value)
