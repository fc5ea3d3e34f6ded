"""Announce security advisories in the lab's repository. Runs inside a container with createrepo_c, as root.

updateinfo.py REPOSITORY [ADVISORY]   one more, as JSON (id, severity, cves, name, version); without: nothing
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

REMEMBERED = "advisories.json"


def document(advisories: list[dict[str, Any]], files: list[str]) -> bytes:
    """Return the updateinfo of these advisories, shaped as Fedora's.

    + files: names of RPMs
    """
    updates = ElementTree.Element("updates")
    for advisory in advisories:
        update = ElementTree.SubElement(
            updates,
            "update",
            {"from": "lab@images.lab", "status": "stable", "type": "security", "version": "2.0"},
        )
        title = f"{advisory['name']}-{advisory['version']}"
        for name, text in (("id", advisory["id"]), ("title", title)):
            ElementTree.SubElement(update, name).text = text
        ElementTree.SubElement(update, "issued", {"date": advisory["issued"]})
        ElementTree.SubElement(update, "severity").text = advisory["severity"].capitalize()
        references = ElementTree.SubElement(update, "references")
        for number, cve in enumerate(advisory["cves"], start=1):
            found = {"href": f"https://bugs.lab/{number}", "id": str(number), "type": "bugzilla"}
            ElementTree.SubElement(
                references, "reference", {**found, "title": f"{cve} {advisory['name']}: a fault"}
            )
        collection = ElementTree.SubElement(ElementTree.SubElement(update, "pkglist"), "collection")
        ElementTree.SubElement(collection, "name").text = "The lab's packages"
        for file in files:
            if not file.startswith(f"{title}-"):
                continue
            release, _, arch = file.removeprefix(f"{title}-").removesuffix(".rpm").rpartition(".")
            fields = {"name": advisory["name"], "version": advisory["version"], "release": release}
            package = ElementTree.SubElement(
                collection,
                "package",
                {**fields, "epoch": "0", "arch": arch, "src": f"{title}-{release}.src.rpm"},
            )
            ElementTree.SubElement(package, "filename").text = file
    content: bytes = ElementTree.tostring(updates, encoding="utf-8", xml_declaration=True)
    return content


def announce(repository: Path, advisory: dict[str, Any]) -> None:
    """Add one advisory, or replace the one with its id, in the repository's metadata."""
    remembered = repository / REMEMBERED
    known = json.loads(remembered.read_text()) if remembered.exists() else []
    issued = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    known = [each for each in known if each["id"] != advisory["id"]] + [{**advisory, "issued": issued}]
    remembered.write_text(json.dumps(known))
    files = sorted(path.name for path in repository.glob("*.rpm"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "updateinfo.xml")
        path.write_bytes(document(known, files))
        command = ["modifyrepo_c", "--mdtype=updateinfo", str(path), str(repository / "repodata")]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main(arguments: list[str]) -> None:
    match arguments:
        case [repository, ""] | [repository]:
            pass
        case [repository, advisory]:
            announce(Path(repository), json.loads(advisory))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
