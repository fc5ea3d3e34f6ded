"""Commits read without libostree: against what libostree 2025.2 made and said of it, and against nonsense."""

from __future__ import annotations

import base64
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks.signing.commit_object import differences, read
from tasks.signing.gvariant import NotGVariantError, parse, split

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "recorded/release_commit.json").read_text(encoding="utf-8")
)
COMMIT, BUILD = (base64.b64decode(RECORDED[name]) for name in ("commit", "build"))


def test_it_reads_what_libostree_wrote() -> None:
    found = read(COMMIT)
    assert {key: getattr(found, key) for key in ("checksum", "version", "serial", "timestamp")} == {
        key: RECORDED[key] for key in ("checksum", "version", "serial", "timestamp")
    }
    assert found.build == RECORDED["build_checksum"]
    assert found.parent == RECORDED["parent"]
    assert list(found.bindings) == RECORDED["bindings"]
    assert list(found.tree) == RECORDED["tree"]
    build = read(BUILD)
    assert (build.checksum, build.tree, build.bindings) == (RECORDED["build_checksum"], found.tree, ())


def test_what_differs_is_named() -> None:
    found, build = read(COMMIT), read(BUILD)
    expected = {"version": found.version, "serial": found.serial, "bindings": found.bindings}
    assert differences(found, expected, build) == []
    assert differences(found, expected, None) == []
    assert differences(found, {**expected, "serial": "9", "parent": None}, build) == [
        f"serial {found.serial}, not 9",
        f"parent {found.parent}, not none",
    ]
    assert differences(found, {"bindings": ("a", "b")}, build) == [
        f"bindings {', '.join(found.bindings)}, not a, b"
    ]
    other = replace(build, tree=("0" * 64, "0" * 64))
    assert differences(found, {}, other) == ["another tree than that of build 44.2"]
    assert differences(found, {}, replace(build, checksum="1" * 64))[0].startswith(
        f"build {found.build}, but"
    )


def test_nonsense_is_an_error_and_nothing_worse() -> None:
    for end in range(0, len(COMMIT), 7):
        with pytest.raises(ValueError, match=r"."):
            read(COMMIT[:end])
    numbers = random.Random(1)
    for _ in range(2000):
        broken = bytearray(COMMIT)
        broken[numbers.randrange(len(broken))] = numbers.randrange(256)
        try:
            found = read(bytes(broken))
        except ValueError:
            continue
        assert bytes(broken) == COMMIT or found.checksum != RECORDED["checksum"]
    with pytest.raises(NotGVariantError):
        parse("v", b"\0" + b"(" * 5000)
    with pytest.raises(NotGVariantError):
        parse("v", (b"\0v" * 200) + b"\0v")


@pytest.mark.parametrize(
    ("kind", "data", "value"),
    [
        ("s", b"hello\0", "hello"),
        ("as", b"a\0bc\0\x02\x05", ["a", "bc"]),
        ("as", b"", []),
        ("(yu)", b"\x07\0\0\0\x01\0\0\0", (7, 1)),
        ("(sy)", b"a\0\x05\x02", ("a", 5)),
        ("ms", b"", None),
        ("ms", b"a\0\0", "a"),
        ("mb", b"\x01", 1),
        ("v", b"\x05\0y", 5),
        ("n", b"\xff\xff", -1),
        ("()", b"\0", ()),
        ("a{sv}", b"k\0" + bytes(6) + b"x\0\0s" + b"\x02\x0d", [("k", "x")]),
    ],
)
def test_each_kind_of_value(kind: str, data: bytes, value: object) -> None:
    assert parse(kind, data) == value


@pytest.mark.parametrize("kinds", ["(", "a", "{sv", "(s}", "z", "m"])
def test_types_that_are_none(kinds: str) -> None:
    with pytest.raises(NotGVariantError):
        split(kinds)
