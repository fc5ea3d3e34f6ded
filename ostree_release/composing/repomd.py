"""A package repository's index, repodata/repomd.xml: where its updateinfo is, and with which checksum."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from xml.etree import ElementTree

from ..errors import Refused

# One content, packed in two ways: rpm-ostree fetches the first, and dnf the second where there is one.
_UPDATEINFO = ("updateinfo", "updateinfo_zck")
_LIMIT = 1 << 24  # bytes; Fedora's has some ten thousand
_BLOCK = 1 << 16  # bytes read at a time
_KINDS = {"sha": "sha1", **{kind: kind for kind in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")}}


@dataclass(frozen=True)
class Checksum:
    """What the index says of a file's bytes.

    + kind: as hashlib names it
    """

    kind: str
    value: str

    def check(self, file: BinaryIO) -> None:
        """Read an open file and go back to its beginning; raises ValueError if it is not that one."""
        found = hashlib.new(self.kind)
        while block := file.read(_BLOCK):
            found.update(block)
        if found.hexdigest() != self.value:
            raise ValueError(f"damaged: its {self.kind} is not the one that repomd.xml has")
        file.seek(0)


@dataclass(frozen=True)
class Listed:
    """A file that an index lists."""

    path: Path
    checksum: Checksum


def updateinfo(repository: Path) -> Listed | None:
    """Return the updateinfo of a repository's metadata, or None where its index has none.

    + repository: the directory that has `repodata`
    Refuses an index that is not there or broken, and one that lists a file that is not there.
    """
    index = repository / "repodata/repomd.xml"
    try:
        with index.open("rb") as file:
            content = file.read(_LIMIT + 1)
        if len(content) > _LIMIT:
            raise ValueError(f"larger than {_LIMIT >> 20} MiB")
        found = _records(repository, content)
    except OSError as error:
        raise Refused(f"{index}: {error.strerror}") from error
    except ElementTree.ParseError as error:
        raise Refused(f"{index}: broken XML: {error}") from error
    except ValueError as error:
        raise Refused(f"{index}: {error}") from error
    known = [found[kind] for kind in _UPDATEINFO if kind in found]
    there = [listed for listed in known if listed.path.is_file()]
    if known and not there:
        raise Refused(f"{known[0].path}: listed in repomd.xml, and not there")
    return there[0] if there else None


class _Builder(ElementTree.TreeBuilder):
    def doctype(self, *_: object) -> None:
        raise ValueError("declares a document type, which no index has")


def _records(repository: Path, content: bytes) -> dict[str, Listed]:
    """Return what is listed of the kinds that are wanted; raises ParseError or ValueError."""
    parser = ElementTree.XMLParser(target=_Builder())
    parser.feed(content)
    root = parser.close()
    if _name(root) != "repomd":
        raise ValueError(f"not an index: begins with <{_name(root)[:40]!r}>")
    return {
        kind: _listed(repository, kind, data) for data in root if (kind := data.get("type")) in _UPDATEINFO
    }


def _listed(repository: Path, kind: str, data: ElementTree.Element) -> Listed:
    parts = {_name(part): part for part in data}
    place, checksum = parts.get("location"), parts.get("checksum")
    href = PurePosixPath("" if place is None else place.get("href", ""))
    if not href.name or href.is_absolute() or ".." in href.parts or "\0" in str(href):
        raise ValueError(f"{kind} at {str(href)[:80]!r}, which is no place in a repository")
    word = "" if checksum is None else checksum.get("type", "")
    value = "" if checksum is None else (checksum.text or "").strip().lower()
    if word not in _KINDS:
        raise ValueError(f"{kind} with a checksum of kind {word[:40]!r}, which is not known")
    return Listed(repository / href, Checksum(_KINDS[word], value))


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
