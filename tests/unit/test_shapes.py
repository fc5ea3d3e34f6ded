"""The comparison that judges the stand-in's JSON must be able to say no."""

from __future__ import annotations

from typing import Any

import pytest

from tests.shapes import differences


@pytest.mark.parametrize(
    ("recorded", "found", "line"),
    [
        ({"a": 1}, {}, "$.a: recorded, not found"),
        ({}, {"a": 1}, "$.a: found, not recorded"),
        ({"a": 1}, {"a": "1"}, "$.a: recorded int, found str"),
        ({"a": 1}, {"a": True}, "$.a: recorded int, found bool"),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}, {"b": None}]}, "$.a[1].b: recorded int, found NoneType"),
        ({"a": []}, {"a": [1]}, "$.a: recorded empty, found 1 items"),
        ({"a": [1]}, {"a": []}, "$.a: recorded 1 items, found none"),
    ],
)
def test_names_every_difference(recorded: Any, found: Any, line: str) -> None:
    assert differences(recorded, found) == [line]


def test_values_do_not_count() -> None:
    assert differences({"a": [1, "x"], "b": None}, {"a": [2, "y"], "b": None}) == []


def test_a_commit_may_have_other_metadata_but_not_of_another_type() -> None:
    recorded = {"base-commit-meta": {"version": "1", "ostree.bootable": True}}
    assert differences(recorded, {"base-commit-meta": {"version": "2", "release.serial": "1"}}) == []
    assert differences(recorded, {"base-commit-meta": {"version": 2}}) == [
        "$.base-commit-meta.version: recorded str, found int"
    ]
