"""libostree through GObject introspection, imported in one place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import gi

gi.require_version("OSTree", "1.0")
from gi.repository import Gio, GLib, OSTree  # noqa: E402

from lab.rpm_ostree.packages import Package  # noqa: E402

__all__ = ["GLib", "Gio", "OSTree", "message", "open_repository", "packages_of", "resolve", "texts_of"]


def open_repository(path: Path) -> OSTree.Repo:
    """Open the repository at `path`."""
    repository = OSTree.Repo.new(Gio.File.new_for_path(str(path)))
    repository.open(None)
    return repository


def message(error: GLib.Error) -> str:
    """Return the words of a libostree error."""
    return str(error.message)


def resolve(repository: OSTree.Repo, refspec: str) -> str | None:
    """Return the checksum that a ref has in a repository, or None."""
    return repository.resolve_rev(refspec, True)[1] or None


def packages_of(repository: OSTree.Repo, checksum: str) -> list[Package]:
    """Return the packages that a commit lists in its metadata; none where it lists none."""
    commit = repository.load_variant(OSTree.ObjectType.COMMIT, checksum)[1]
    metadata = commit.get_child_value(0)
    listed = metadata.lookup_value("rpmostree.rpmdb.pkglist", GLib.VariantType("a(sssss)"))
    if listed is None:
        return []
    return [Package(*row) for row in listed.unpack()]


def texts_of(repository: OSTree.Repo, checksum: str, paths: Mapping[str, str]) -> dict[str, str]:
    """Return the content of files of a commit, each by the key of its path; those that are there."""
    _, root, _ = repository.read_commit(checksum, None)
    files = {key: root.resolve_relative_path(path) for key, path in paths.items()}
    return {
        key: file.load_contents(None)[1].decode() for key, file in files.items() if file.query_exists(None)
    }
