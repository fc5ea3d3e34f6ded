"""What the bytes of an OSTree commit say, read on this machine before it signs them. Pure functions."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tasks.signing.gvariant import parse

# libostree's OSTREE_COMMIT_GVARIANT_FORMAT: metadata, parent, related objects, subject, body, timestamp
# (big-endian, unlike everything else), checksums of the root's listing and of its own metadata.
_FORMAT = "(a{sv}aya(say)sstayay)"


@dataclass(frozen=True)
class CommitObject:
    """A commit.

    + timestamp: seconds since 1970
    + tree: the checksums of its root, which say what is in it
    """

    checksum: str
    version: str
    serial: str
    build: str
    parent: str | None
    bindings: tuple[str, ...]
    timestamp: int
    tree: tuple[str, str]


def read(data: bytes) -> CommitObject:
    """Read a commit from its bytes.

    Raises ValueError: they are no commit.
    """
    metadata, parent, _, _, _, timestamp, contents, root = parse(_FORMAT, data)
    found: dict[str, Any] = {}
    for key, value in metadata:
        if key in found:
            raise ValueError(f"the metadata has {key} twice")
        found[key] = value
    if len(parent) not in (0, 32) or len(contents) != 32 or len(root) != 32:
        raise ValueError("a checksum in it has not 32 bytes")
    bindings = found.get("ostree.ref-binding", [])
    texts = [found.get(key, "") for key in ("version", "release.serial", "release.build")]
    if not isinstance(bindings, list) or not all(isinstance(each, str) for each in (*bindings, *texts)):
        raise ValueError("its metadata has values of other types than a release has")
    return CommitObject(
        checksum=sha256(data).hexdigest(),
        version=texts[0],
        serial=texts[1],
        build=texts[2],
        parent=parent.hex() or None,
        bindings=tuple(sorted(bindings)),
        timestamp=int.from_bytes(timestamp.to_bytes(8, "little"), "big"),
        tree=(contents.hex(), root.hex()),
    )


def differences(found: CommitObject, expected: dict[str, Any], build: CommitObject | None) -> list[str]:
    """Say where the bytes of a release are not what they are said to be.

    + found: what the bytes say
    + expected: `checksum`, `version`, `serial`, `build`, `parent` and `bindings` as the plan, the settings
      and the server's words have them
    + build: what the bytes of the build say that it is to be made from, if they are still there

    Returns one phrase for each difference.
    """
    lines = [
        f"{key} {_shown(getattr(found, key))}, not {_shown(value)}"
        for key, value in expected.items()
        if getattr(found, key) != value
    ]
    if build and build.checksum != found.build:
        lines.append(f"build {found.build}, but the bytes of {build.checksum} came")
    elif build and build.tree != found.tree:
        lines.append(f"another tree than that of build {build.version}")
    return lines


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value or "none")
