"""Which package repositories are read in place, as libdnf decides it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostree_release.composing.package_repositories import in_place, listed
from ostree_release.errors import Refused

TREEFILE = {"releasever": "44", "basearch": "x86_64", "repovars": {"stage": "next"}, "repos": ["f"]}


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("baseurl=file:///srv/packages", "/srv/packages"),
        ("baseurl = file:///srv/packages/", "/srv/packages"),
        ("baseurl=FILE:///srv/packages", "/srv/packages"),
        ("baseurl=/srv/packages", "/srv/packages"),
        ("baseurl=file:///srv/$releasever/${basearch}/$stage/$other", "/srv/44/x86_64/next/$other"),
        ("baseurl=file:///srv/one, http://localhost/", "/srv/one"),
        ("baseurl=\n  file:///srv/one\n  file:///srv/two", "/srv/one"),
        ("baseurl=file:///srv/one\nmirrorlist=\nmetalink=", "/srv/one"),
        ("enabled=0\nbaseurl=file:///srv/100%", "/srv/100%"),
        ("baseurl=http://localhost/ file:///srv/one", None),
        ("baseurl=https://localhost/", None),
        ("baseurl=file:/srv/one", None),  # curl knows it, and libdnf takes it for a server's
        ("baseurl=file:///srv/one\nmirrorlist=file:///srv/mirrors", None),
        ("baseurl=file:///srv/one\nmetalink=https://localhost/metalink", None),
        ("mirrorlist=file:///srv/mirrors", None),
        ("name=nothing else", None),
    ],
)
def test_a_place_on_this_machine_is_read_in_place(tmp_path: Path, lines: str, found: str | None) -> None:
    (tmp_path / "kinoite.repo").write_text(f"[other]\nbaseurl=file:///other\n\n[f]\n{lines}\n")
    assert in_place(tmp_path, TREEFILE, "f") == (found and Path(found))


def test_one_that_no_file_names_is_not_read_in_place(tmp_path: Path) -> None:
    assert in_place(tmp_path, TREEFILE, "f") is None


@pytest.mark.parametrize("content", ["baseurl=file:///srv\n", "[f]\nno key\n", "[f]\nname=\xff\n"])
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "kinoite.repo").write_bytes(content.encode("latin-1"))
    with pytest.raises(Refused) as refusal:
        in_place(tmp_path, TREEFILE, "f")
    assert "kinoite.repo: " in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1


def test_two_places_are_none(tmp_path: Path) -> None:
    for name, place in (("a", "one"), ("b", "one"), ("c", "two")):
        (tmp_path / f"{name}.repo").write_text(f"[f]\nbaseurl=file:///{place}\n")
        if name == "b":
            assert in_place(tmp_path, TREEFILE, "f") == Path("/one")
    with pytest.raises(Refused, match="name more than one place for it"):
        in_place(tmp_path, TREEFILE, "f")


def test_what_a_treefile_names() -> None:
    assert listed({"repos": ["a", "b"], "lockfile-repos": ["c", "a"]}) == ("a", "b", "c")
    assert listed({}) == ()
    assert listed({"repos": None, "lockfile-repos": ["c"]}) == ("c",)
