"""What differs between releases of Fedora Kinoite, by Fedora's own manifest (workstation-ostree-config)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

PLACEHOLDER = "{display_manager}"
"""Stands for the display manager of the release: in a list for its packages, in a command for its unit."""


@dataclass(frozen=True)
class DisplayManager:
    """What shows the login screen."""

    packages: tuple[str, ...]
    unit: str


# By the first release that has it.
_DISPLAY_MANAGERS = {
    44: DisplayManager(
        ("plasma-login-manager", "kcm-plasmalogin", "kde-settings-plasmalogin"), "plasmalogin.service"
    ),
    0: DisplayManager(("sddm", "sddm-breeze", "sddm-kcm", "sddm-wayland-plasma"), "sddm.service"),
}


def display_manager(release: int) -> DisplayManager:
    """Return the display manager of a release of Kinoite."""
    return _DISPLAY_MANAGERS[max(first for first in _DISPLAY_MANAGERS if first <= release)]


def packages(names: Iterable[str], release: int) -> Iterator[str]:
    """Yield package names with the placeholder replaced."""
    for name in names:
        yield from display_manager(release).packages if name == PLACEHOLDER else (name,)


def command(text: str, release: int) -> str:
    """Return a shell command with the placeholder replaced."""
    return text.replace(PLACEHOLDER, display_manager(release).unit)
