"""Builds of any size: an image that boots, and filler, of which each next one changes one file in a hundred.

Every gate lets them pass: their initramfs, their rpm database and their accounts are those of `images`.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gi

gi.require_version("OSTree", "1.0")
from gi.repository import GLib, OSTree  # noqa: E402

from tests.server.images import bootable  # noqa: E402
from tests.server.support import File, metadata, opened  # noqa: E402

FILE_BYTES = 4096  # of each file of the filler; they compress to about two thirds
FOLDER_FILES = 100
PACKAGES = {"hello": "1.0-1", "kernel": "6.14.0-63", "plasma-desktop": "6.3-1"}

_ROOT = (0, 0, stat.S_IFDIR | 0o755)


def build(repository: Path, ref: str, number: int, objects: int) -> str:
    """Put a build on a ref, as child of what it has; returns its checksum.

    + number: of the build, from 1 on: it decides what its files contain
    + objects: of the first one, about: files, folders, and the few of what makes it boot
    A later build must follow the one with the number before it: what has not changed is not written again.
    """
    repo = opened(repository)
    _, parent = repo.resolve_rev(ref, True)
    repo.prepare_transaction(None)
    tree = _tree(repo, parent)
    for path, file in _image(number, objects) if number == 1 else _changed(number, objects):
        _write(repo, tree, path, file)
    _, root = repo.write_mtree(tree, None)
    _, checksum = repo.write_commit(parent, None, None, metadata(f"44.{number}", PACKAGES), root, None)
    repo.transaction_set_ref(None, ref, checksum)
    repo.commit_transaction(None)
    return str(checksum)


def advisories(checksum: str) -> str:
    """Return what a compose keeps beside such a build: its package repository announces nothing."""
    known = {"repositories": [{"id": "f", "problem": None}], "advisories": []}
    return json.dumps({"format": 1, "build": checksum, **known})


def filler(number: int, objects: int) -> Iterator[int]:
    """Yield the files that a build changes: all for the first one, then a block, as a package would."""
    count = objects * FOLDER_FILES // (FOLDER_FILES + 1)
    block = max(1, count // 100)
    first = (number - 2) % 100 * block
    yield from range(count) if number == 1 else range(first, min(count, first + block))


def _image(number: int, objects: int) -> Iterator[tuple[str, File]]:
    yield from bootable(PACKAGES).items()
    yield from _changed(number, objects)


def _changed(number: int, objects: int) -> Iterator[tuple[str, File]]:
    for each in filler(number, objects):
        path = f"/usr/share/filler/{each // FOLDER_FILES:04}/{each:06}"
        content = hashlib.shake_256(f"{path} {number}".encode()).hexdigest(FILE_BYTES // 2)
        yield path, File(content.encode())


def _tree(repo: Any, parent: str | None) -> Any:
    return OSTree.MutableTree.new_from_commit(repo, parent) if parent else OSTree.MutableTree.new()


def _write(repo: Any, tree: Any, path: str, file: File) -> None:
    folder, name = _folder(repo, tree, path)
    owner = (file.uid, file.gid)
    if file.link is not None:
        checksum = repo.write_symlink(None, *owner, None, file.link, None)
    else:
        checksum = repo.write_regfile_inline(None, *owner, stat.S_IFREG | file.mode, None, file.content, None)
    folder.replace_file(name, checksum)


def _folder(repo: Any, tree: Any, path: str) -> tuple[Any, str]:
    *parts, name = path.strip("/").split("/")
    for part in ("", *parts):
        if part:
            _, tree = tree.ensure_dir(part)
        if tree.get_metadata_checksum() is None:
            tree.set_metadata_checksum(_directory(repo))
    return tree, name


def _directory(repo: Any) -> str:
    # Numbers of a directory's metadata are big-endian.
    numbers = [GLib.Variant("u", number).byteswap().get_uint32() for number in _ROOT]
    content = GLib.Variant("(uuua(ayay))", (*numbers, []))
    _, binary = repo.write_metadata(OSTree.ObjectType.DIR_META, None, content, None)
    return "".join(f"{byte:02x}" for byte in bytes(binary))
