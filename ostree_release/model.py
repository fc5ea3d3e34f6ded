"""Plain data that the steps hand to each other; nothing here knows libostree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# One line of the journal, or of what is to become one.
Entry = dict[str, Any]

KINDS = ("added", "removed", "upgraded", "downgraded")
"""How a package can differ from one image to another."""


@dataclass(frozen=True)
class Package:
    """One installed RPM of an image, as `rpmostree.rpmdb.pkglist` has it."""

    name: str
    epoch: str
    version: str
    release: str
    arch: str

    @property
    def evr(self) -> str:
        """Epoch, version and release as rpm writes them: an epoch of 0 is left out."""
        epoch = "" if self.epoch in ("", "0") else f"{self.epoch}:"
        return f"{epoch}{self.version}-{self.release}"

    @property
    def nevra(self) -> str:
        """The whole name, as rpm-ostree prints it."""
        return f"{self.name}-{self.evr}.{self.arch}"


@dataclass(frozen=True)
class Commit:
    """What a build, candidate or release says about itself.

    + timestamp: seconds since 1970, UTC
    + journal: the journal's head when a release was staged
    """

    checksum: str
    version: str
    timestamp: int
    parent: str | None
    content: str
    serial: int = 0
    build: str | None = None
    bindings: frozenset[str] = frozenset()
    journal: str | None = None

    def as_json(self) -> dict[str, str | int]:
        """Return what results say of a candidate or release."""
        return {"version": self.version, "checksum": self.checksum, "serial": self.serial}


@dataclass(frozen=True)
class Move:
    """A ref that goes from one commit to another; None is a ref that does not exist."""

    ref: str
    old: str | None
    new: str | None

    def as_json(self) -> dict[str, str | None]:
        """Return the move as results and the journal write it."""
        return {"ref": self.ref, "from": self.old, "to": self.new}


DEFAULT_ENVIRONMENT = "prod"
"""Where a promotion goes to if nobody says where: what need not be typed."""


def following(task: str, environment: str = DEFAULT_ENVIRONMENT, **data: str | None) -> dict[str, Any]:
    """Return what to do next, as results have it: a task of the laptop with its --data; None is left out."""
    to = None if environment == DEFAULT_ENVIRONMENT else environment
    return {"task": task, "data": {key: value for key, value in {"to": to, **data}.items() if value}}
