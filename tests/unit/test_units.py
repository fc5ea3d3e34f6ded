"""Which unit systemd would load from an image, and why it would not."""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Mapping
from typing import Any, cast

import pytest

from ostree_release.images import units
from ostree_release.images.units import Unit

ETC, LIB = units.FOLDERS
SCREEN = f"{ETC}/display-manager.service"
SERVICE = f"{LIB}/plasmalogin.service"


class Entry:
    def __init__(self, path: str) -> None:
        self.path = path
        self.is_directory = False


class Attributes:
    def __init__(self, content: str) -> None:
        self.target = content.removeprefix("-> ") if content.startswith("-> ") else None
        self.mode = stat.S_IFREG
        self.size = len(content)


class FakeTree:
    """A tree of a few files; a content that begins with an arrow is a link's."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files

    def names(self, folder: str) -> list[Entry]:
        return [Entry(path) for path in sorted(self.files) if posixpath.dirname(path) == folder]

    def attributes(self, entry: Entry) -> Attributes:
        return Attributes(self.files[entry.path])

    def has_content(self, path: str) -> bool:
        content = self.files.get(path, "")
        return self.has_content(content[3:]) if content.startswith("-> ") else bool(content)


def tree(changes: Mapping[str, str]) -> Any:
    files = {SERVICE: "[Service]", SCREEN: f"-> {SERVICE}", **changes}
    return cast("Any", FakeTree({path: content for path, content in files.items() if content != "gone"}))


def loaded(changes: Mapping[str, str]) -> Unit:
    return units.load(tree(changes), "display-manager.service")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {SCREEN: "-> ../../../usr/lib/systemd/system/plasmalogin.service"},
        {SCREEN: "-> /lib/systemd/system/plasmalogin.service"},
        {SCREEN: "-> x.service", f"{ETC}/x.service": "-> plasmalogin.service"},
        {SCREEN: "gone", f"{LIB}/display-manager.service": "-> plasmalogin.service"},
        # The first folder decides, whatever the second one has.
        {f"{LIB}/display-manager.service": "-> gone.service"},
        {SERVICE: "", f"{ETC}/plasmalogin.service": "[Service]"},
    ],
)
def test_links_are_followed_as_systemd_does(changes: dict[str, str]) -> None:
    assert loaded(changes) == Unit("plasmalogin.service")


@pytest.mark.parametrize(
    "changes",
    [
        {SCREEN: "[Service]"},
        {SCREEN: "-> /usr/share/x.service", "/usr/share/x.service": "[Service]"},
        {SCREEN: "-> /etc/x/x.service", "/usr/etc/x/x.service": "[Service]"},
        {SCREEN: f"-> {LIB}/display-manager.service", f"{LIB}/display-manager.service": "[Service]"},
    ],
)
def test_a_unit_of_its_own(changes: dict[str, str]) -> None:
    assert loaded(changes) == Unit("display-manager.service")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({SCREEN: "gone"}, f"there is no display-manager.service in {ETC} or {LIB}"),
        ({SCREEN: "-> /dev/null"}, f"{SCREEN} is a link to /dev/null, which masks it"),
        ({SCREEN: ""}, f"{SCREEN} is empty, which masks it"),
        (
            {f"{ETC}/plasmalogin.service": "-> /dev/null"},
            f"{ETC}/plasmalogin.service is a link to /dev/null, which masks it",
        ),
        ({SERVICE: "-> ../../../../dev/null"}, f"{SERVICE} is a link to /dev/null, which masks it"),
        ({SERVICE: ""}, f"{SERVICE} is empty, which masks it"),
        ({SERVICE: "gone"}, f"there is no plasmalogin.service in {ETC} or {LIB}"),
        ({SCREEN: "-> /opt/x.service"}, f"{SCREEN} is a link to /opt/x.service, which is not there"),
        (
            {SCREEN: "-> x.service", f"{LIB}/x.service": "-> display-manager.service"},
            f"{LIB}/x.service is a link in a circle",
        ),
    ],
)
def test_what_cannot_be_started_is_said(changes: dict[str, str], fault: str) -> None:
    assert loaded(changes).fault == fault


def test_every_place_is_told() -> None:
    more = {f"{LIB}/sddm.service": "[Service]", f"{LIB}/display-manager.service": "-> sddm.service"}
    found = units.every(tree(more), "display-manager.service")
    assert found == (Unit("plasmalogin.service"), Unit("sddm.service"))
