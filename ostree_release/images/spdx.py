"""An image as an SPDX 2.3 document: a software bill of materials from its list of packages.

The same release gives the same bytes: nothing here depends on when, where or by whom it is written.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from ..model import Commit, Package

_UNKNOWN = "NOASSERTION"  # neither the commit nor its list of packages says it
_IMAGE = "SPDXRef-Image"
_DOCUMENT = "SPDXRef-DOCUMENT"
_UNREFERABLE = re.compile(r"[^A-Za-z0-9.-]+")

Document = dict[str, Any]


def document(image: str, release: Commit, packages: Iterable[Package]) -> Document:
    """Return the SPDX document of a release.

    + image: what the image is called
    + release: the commit; its time is the document's, its checksum makes the namespace unique
    + packages: what it has
    """
    rows = sorted(
        set(packages), key=lambda each: (each.name, each.arch, each.epoch, each.version, each.release)
    )
    created = datetime.fromtimestamp(release.timestamp, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    identifiers = [_identifier(package) for package in rows]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": _DOCUMENT,
        "name": f"{image}-{release.version}",
        # Where SPDX itself has documents that nobody else serves: the same wherever the server moves to.
        "documentNamespace": f"https://spdx.org/spdxdocs/{quote(image)}-{release.version}-{release.checksum}",
        "creationInfo": {"created": created, "creators": ["Tool: ostree-release"]},
        "packages": [
            {
                **_package(_IMAGE, image, release.version),
                "primaryPackagePurpose": "OPERATING-SYSTEM",
                # What ostree calls the commit is the SHA-256 of its object.
                "checksums": [{"algorithm": "SHA256", "checksumValue": release.checksum}],
            },
            *(
                {
                    **_package(identifier, package.name, package.evr),
                    "externalRefs": [
                        {
                            "referenceCategory": "PACKAGE-MANAGER",
                            "referenceType": "purl",
                            "referenceLocator": purl(package),
                        }
                    ],
                }
                for identifier, package in zip(identifiers, rows)
            ),
        ],
        "relationships": [
            _relationship(_DOCUMENT, "DESCRIBES", _IMAGE),
            *(_relationship(_IMAGE, "CONTAINS", identifier) for identifier in identifiers),
        ],
    }


def purl(package: Package) -> str:
    """Return the package URL of an RPM of Fedora."""
    qualifiers = {"arch": package.arch, "epoch": "" if package.epoch == "0" else package.epoch}
    given = "&".join(f"{key}={quote(value, safe='')}" for key, value in qualifiers.items() if value)
    version = quote(f"{package.version}-{package.release}", safe="")
    return f"pkg:rpm/fedora/{quote(package.name, safe='')}@{version}{'?' if given else ''}{given}"


def _package(identifier: str, name: str, version: str) -> Document:
    return {
        "SPDXID": identifier,
        "name": name,
        "versionInfo": version,
        "supplier": _UNKNOWN,
        "downloadLocation": _UNKNOWN,
        "filesAnalyzed": False,
        "licenseConcluded": _UNKNOWN,
        "licenseDeclared": _UNKNOWN,
        "copyrightText": _UNKNOWN,
    }


def _identifier(package: Package) -> str:
    """Return a name that SPDX allows; the hash keeps apart what differs only in what it does not allow."""
    name = package.nevra
    return f"SPDXRef-{_UNREFERABLE.sub('-', name)}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _relationship(one: str, kind: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
