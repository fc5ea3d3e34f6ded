"""The bill of materials: valid SPDX by a program of others, complete, and the same bytes every time."""

from __future__ import annotations

import random
from pathlib import Path

from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from ostree_release import text
from ostree_release.images import spdx
from ostree_release.model import Commit, Package

RELEASE = Commit("ab" * 32, "44.20260102.1", 1767355200, None, "cd" * 32, 3)
PACKAGES = (
    Package("hello", "0", "2.0", "1.fc44", "x86_64"),
    Package("hello", "0", "2.0", "1.fc44", "i686"),
    Package("libstdc++", "1", "15~rc1^2", "1.fc44", "x86_64"),
    Package("a_b", "0", "1", "1", "noarch"),
    Package("a+b", "0", "1", "1", "noarch"),
    Package("gpg-pubkey", "", "1", "1", ""),
)


def test_it_is_valid_and_has_every_package(tmp_path: Path) -> None:
    path = tmp_path / "release.spdx.json"
    path.write_text(text.document(spdx.document("kinoite", RELEASE, PACKAGES)))
    document = parse_file(str(path))
    assert validate_full_spdx_document(document, "SPDX-2.3") == []
    image, *packages = document.packages
    assert (image.name, image.version) == ("kinoite", "44.20260102.1")
    assert image.checksums[0].value == RELEASE.checksum
    assert sorted((each.name, each.version) for each in packages) == sorted(
        (each.name, each.evr) for each in PACKAGES
    )
    assert len({each.spdx_id for each in document.packages}) == 1 + len(PACKAGES)
    assert RELEASE.checksum in document.creation_info.document_namespace
    assert document.creation_info.created.isoformat() == "2026-01-02T12:00:00"


def test_the_same_release_gives_the_same_bytes() -> None:
    shuffled = list(PACKAGES)
    random.Random(1).shuffle(shuffled)
    one = text.document(spdx.document("kinoite", RELEASE, PACKAGES))
    assert text.document(spdx.document("kinoite", RELEASE, shuffled)) == one
    assert text.document(spdx.document("kinoite", RELEASE, PACKAGES[1:])) != one


def test_package_urls() -> None:
    assert [spdx.purl(package) for package in PACKAGES[1:4]] == [
        "pkg:rpm/fedora/hello@2.0-1.fc44?arch=i686",
        "pkg:rpm/fedora/libstdc%2B%2B@15~rc1%5E2-1.fc44?arch=x86_64&epoch=1",
        "pkg:rpm/fedora/a_b@1-1?arch=noarch",
    ]
    assert spdx.purl(PACKAGES[5]) == "pkg:rpm/fedora/gpg-pubkey@1-1"
