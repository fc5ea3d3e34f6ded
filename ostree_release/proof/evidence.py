"""What a proof is made of, as plain data: the journal's lines, and what an environment has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..anchors import Anchor
from ..config import Environment
from ..model import Commit, Entry


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    + where: a line of the journal, a ref, an anchor or a summary
    """

    where: str
    line: str


@dataclass(frozen=True)
class Line:
    """One line of the journal.

    + end: bytes up to and with its end
    + entry: None where a crash tore it
    """

    number: int
    end: int
    hash: str
    entry: Entry | None

    @property
    def where(self) -> str:
        """What findings call the line."""
        return f"line {self.number}"


@dataclass(frozen=True)
class Image:
    """A commit that a ref names.

    + signatures: primary key of each, and what is wrong with it
    + build: the build it was made from, where the source still has that
    + repositories: identifiers of the package repositories
    + packages: how many
    """

    commit: Commit
    signatures: tuple[tuple[str, str | None], ...] = ()
    build: Commit | None = None
    repositories: tuple[str, ...] = ()
    packages: int = 0


@dataclass(frozen=True)
class Seen:
    """What a promoting environment has.

    + images: the commits that refs name, by checksum, without those that are missing or partly there
    + keys: fingerprints of the keys that clients trust
    + withdrawn: of those that they had trusted before
    + signers: by which of either the last anchor is signed
    + busy: who is changing the environment just now
    """

    environment: Environment
    refs: Mapping[str, str]
    summary: Mapping[str, str] | None
    images: Mapping[str, Image]
    keys: frozenset[str]
    anchors: tuple[Anchor, ...] = ()
    signers: frozenset[str] = frozenset()
    withdrawn: frozenset[str] = frozenset()
    busy: str | None = None

    @property
    def releases(self) -> dict[str, Image]:
        """The releases that are there, by ref, oldest first."""
        prefix = self.environment.release_ref("")
        found = {
            ref: self.images[checksum]
            for ref, checksum in self.refs.items()
            if ref.startswith(prefix) and checksum in self.images
        }
        return dict(sorted(found.items(), key=lambda pair: (pair[1].commit.serial, pair[0])))


@dataclass
class Verdict:
    """What was found, and what was proven.

    + unanchored: how many entries no signature covers yet
    + notes: what could not be judged, and why
    """

    findings: list[Finding] = field(default_factory=list)
    releases: list[dict[str, Any]] = field(default_factory=list)
    refs: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unanchored: int = 0
