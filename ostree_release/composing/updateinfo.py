"""Reading a package repository's updateinfo: an XML file, packed or not, from outside and so never trusted.

It is read piece by piece, unpacked only up to a limit, and refused as a whole in one line if it is broken,
declares a document type (which is where XML keeps its bombs), or names things that no RPM is called.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from xml.parsers import expat

from .. import zstd
from ..errors import Refused
from ..images import advisories
from ..images.advisories import Advisory
from ..model import Package
from . import zchunk
from .repomd import Checksum

_BLOCK = 1 << 16  # bytes read at a time
_LIMIT = 1 << 30  # bytes unpacked; Fedora's has some 50 million
_TITLE = 200  # characters of a title that are kept
_TEXT = 4096  # characters of one element that are looked at
_SECURITY = "security"
_KEPT = ("id", "title", "severity")
_CVE = re.compile(r"CVE-\d{4}-\d{4,}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._+/-]*")
_FIELDS = {
    "name": re.compile(r"[A-Za-z0-9._+-]+"),
    "epoch": re.compile(r"[0-9]*"),
    "version": re.compile(r"[A-Za-z0-9._+~^]+"),
    "release": re.compile(r"[A-Za-z0-9._+~^]+"),
    "arch": re.compile(r"[A-Za-z0-9_]+"),
}
# Red Hat's words, as Fedora's updateinfo has them, and Bodhi's own.
_SEVERITIES = {
    **{severity: severity for severity in advisories.SEVERITIES},
    "urgent": advisories.CRITICAL,
    "high": advisories.IMPORTANT,
    "medium": advisories.MODERATE,
}
_OPEN: dict[str, Any] = {".bz2": bz2.open, ".gz": gzip.open, ".xz": lzma.open}


def read(path: Path, checksum: Checksum | None = None) -> list[Advisory]:
    """Return the security advisories of an updateinfo file, packed as its name says; refuses a broken one.

    + checksum: what the file is to have
    """
    reader = _Reader()
    unpacked = 0
    try:
        with path.open("rb") as file:
            if checksum is not None:
                checksum.check(file)
            for piece in _pieces(path, file):
                unpacked += len(piece)
                if unpacked > _LIMIT:
                    raise ValueError(f"more than {_LIMIT >> 20} MiB when unpacked")
                reader.feed(piece)
        reader.feed(b"", last=True)
    except expat.ExpatError as error:
        raise Refused(f"{path.name}: broken XML: {error}") from error
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise Refused(f"{path.name}: {' '.join(str(error).split())}") from error
    return list(reader.found.values())


def _pieces(path: Path, file: BinaryIO) -> Iterator[bytes]:
    if path.suffix in ("", ".xml"):
        return _blocks(file)
    if path.suffix in _OPEN:
        return _blocks(_OPEN[path.suffix](file))
    if path.suffix == ".zst":
        return zstd.unpacked(_blocks(file))
    if path.suffix == ".zck":
        return zchunk.unpacked(file)
    raise ValueError(f"packed in a way that is not known ({path.suffix})")


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


class _Reader:
    """Collects the security advisories of the XML that it is fed with."""

    def __init__(self) -> None:
        self.found: dict[str, Advisory] = {}
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._root = False
        self._inside = False
        self._element = ""
        self._begin()

    def feed(self, data: bytes, last: bool = False) -> None:
        """Take one piece; raises ExpatError or ValueError."""
        self._parser.Parse(data, last)

    def _begin(self) -> None:
        self._texts = dict.fromkeys(_KEPT, "")
        self._issued = ""
        self._cves: set[str] = set()
        self._packages: list[Package] = []

    def _doctype(self, *_: object) -> None:
        raise ValueError("declares a document type, which no updateinfo has")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._root:
            if name != "updates":
                raise ValueError(f"not an updateinfo: begins with <{name[:40]!r}>")
            self._root = True
        elif name == "update":
            self._inside = attributes.get("type") == _SECURITY
            self._begin()
        elif self._inside:
            self._element = name
            if name == "issued":
                self._issued = _line(attributes.get("date", ""))
            elif name == "reference":
                # Fedora refers to bugs, whose titles name the CVE.
                self._cves.update(_CVE.findall(" ".join(attributes.values())))
            elif name == "package":
                self._packages.append(self._package(attributes))

    def _end(self, name: str) -> None:
        self._element = ""
        if name == "update" and self._inside:
            self._inside = False
            self._add()

    def _characters(self, text: str) -> None:
        if self._inside and self._element in self._texts:
            self._texts[self._element] = (self._texts[self._element] + text)[:_TEXT]

    def _package(self, attributes: dict[str, str]) -> Package:
        for field, legal in _FIELDS.items():
            if not legal.fullmatch(attributes.get(field, "")):
                shown = attributes.get(field, "")[:40]
                raise ValueError(f"line {self._parser.CurrentLineNumber}: a package with {field} {shown!r}")
        return Package(*(attributes.get(field, "") or "0" for field in _FIELDS))

    def _add(self) -> None:
        identifier = self._texts["id"].strip()
        if not _ID.fullmatch(identifier):
            shown = identifier[:40]
            raise ValueError(f"line {self._parser.CurrentLineNumber}: an update with id {shown!r}")
        title = _line(self._texts["title"])
        advisory = Advisory(
            id=identifier,
            severity=_SEVERITIES.get(self._texts["severity"].strip().lower(), advisories.UNKNOWN),
            title=title,
            issued=self._issued,
            cves=tuple(sorted({*self._cves, *_CVE.findall(title)})),
            packages=tuple(self._packages),
        )
        before = self.found.get(identifier)  # the same one for another architecture or release
        self.found[identifier] = before.joined(advisory) if before else advisory


def _line(text: str) -> str:
    """Return text from outside as one short printable line."""
    words = " ".join(text.split())
    return "".join(character if character.isprintable() else "?" for character in words)[:_TITLE]
