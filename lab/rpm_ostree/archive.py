"""The stand-in as one executable file, the same bytes for the same sources."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_MAIN = b"import sys\nfrom lab.rpm_ostree.main import main\nsys.exit(main(sys.argv[1:]))\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def build() -> bytes:
    """Return the program: a zip archive of these modules behind an interpreter line."""
    members = {"__main__.py": _MAIN, "lab/__init__.py": b""}
    for path in sorted(_HERE.glob("*.py")):
        if path != Path(__file__).resolve():
            members[f"lab/rpm_ostree/{path.name}"] = path.read_bytes()
    buffer = io.BytesIO(b"#!/usr/bin/python3 -I\n")
    buffer.seek(0, io.SEEK_END)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return buffer.getvalue()
