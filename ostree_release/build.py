"""Build the program as one zipapp: `python -m ostree_release.build OUTPUT`.

The same sources give the same bytes, whatever the path, the umask, the time and the zlib: entries are sorted
and stored uncompressed, with one fixed time and mode.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

_SHEBANG = b"#!/usr/bin/python3 -I\n"
_START = b"import sys\n\nfrom ostree_release.__main__ import main\n\nsys.exit(main())\n"
_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can say
_MODE = 0o100644 << 16  # a regular file, for everybody to read
_UNIX = 3


def build() -> bytes:
    """Return the zipapp's content."""
    package = Path(__file__).parent
    entries = {"__main__.py": _START}
    for source in package.rglob("*.py"):
        if source != Path(__file__):
            entries[f"{package.name}/{source.relative_to(package).as_posix()}"] = source.read_bytes()
    buffer = io.BytesIO()
    buffer.write(_SHEBANG)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        for name in sorted(entries):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.create_system = _UNIX
            entry.external_attr = _MODE
            archive.writestr(entry, entries[name])
    return buffer.getvalue()


def write(output: Path) -> None:
    """Write the zipapp to a file that everybody may run."""
    output.write_bytes(build())
    output.chmod(0o755)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m ostree_release.build OUTPUT")
    write(Path(sys.argv[1]))
