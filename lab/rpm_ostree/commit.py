"""Committing a tree: into the cache's repository, then, together with its ref, into the served one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.rpm_ostree.errors import FailedError
from lab.rpm_ostree.install import PREFIX
from lab.rpm_ostree.libostree import Gio, GLib, OSTree, message
from lab.rpm_ostree.packages import Package


@dataclass(frozen=True)
class Statistics:
    """What libostree counted while it wrote a commit."""

    metadata_total: int
    metadata_written: int
    content_total: int
    content_written: int
    cache_hits: int
    bytes_written: int


@dataclass(frozen=True)
class Committed:
    """A commit in the cache's repository."""

    checksum: str
    content_checksum: str
    timestamp: int
    statistics: Statistics


def metadata(
    strings: Mapping[str, str],
    input_hash: str,
    kernel: str,
    packages: Sequence[Package],
    repositories: Mapping[str, int],
) -> GLib.Variant:
    """Return the metadata of a commit, with the keys and types that rpm-ostree writes.

    + strings: `--add-metadata-string` and the treefile's `add-commit-metadata`
    + input_hash: the input state's hash
    + kernel: the kernel's version
    + packages: sorted
    + repositories: repository name -> time of its metadata, in seconds since 1970
    """
    rows = [(p.name, p.epoch, p.version, p.release, p.arch) for p in packages]
    # Integers in commit metadata are big-endian, whatever the machine is.
    stamps = [
        {
            "id": GLib.Variant("s", name),
            "timestamp": GLib.Variant("t", int.from_bytes(stamp.to_bytes(8, "big"), "little")),
        }
        for name, stamp in repositories.items()
    ]
    return GLib.Variant(
        "a{sv}",
        {
            "ostree.linux": GLib.Variant("s", kernel),
            "ostree.bootable": GLib.Variant("b", True),
            "rpmostree.inputhash": GLib.Variant("s", input_hash),
            "rpmostree.rpmdb.pkglist": GLib.Variant("a(sssss)", rows),
            "rpmostree.rpmmd-repos": GLib.Variant("aa{sv}", stamps),
            **{key: GLib.Variant("s", value) for key, value in strings.items()},
        },
    )


def cache_repository(path: Path) -> OSTree.Repo:
    """Open the cache's repository, making it at first use."""
    repository = OSTree.Repo.new(Gio.File.new_for_path(str(path)))
    if not (path / "config").exists():
        path.mkdir(exist_ok=True)
        repository.create(OSTree.RepoMode.BARE_USER, None)
    else:
        repository.open(None)
    # What is in the cache can be made again; the served repository keeps its own rule.
    repository.set_disable_fsync(True)
    return repository


def load_policy(root: Path) -> OSTree.SePolicy:
    """Return the SELinux policy in a tree; a tree without one cannot be labelled."""
    policy = OSTree.SePolicy.new(Gio.File.new_for_path(str(root)), None)
    if policy.get_name() is None:
        raise FailedError(f"{PREFIX}: Unable to load SELinux policy from /")
    return policy


def commit(
    repository: OSTree.Repo,
    root: Path,
    described: GLib.Variant,
    parent: str | None,
    policy: OSTree.SePolicy | None,
) -> Committed:
    """Write a tree and its commit into the cache's repository; no ref names it."""
    modifier = OSTree.RepoCommitModifier.new(OSTree.RepoCommitModifierFlags.NONE, None)
    if policy is not None:
        modifier.set_sepolicy(policy)
    try:
        repository.prepare_transaction()
        mutable = OSTree.MutableTree.new()
        repository.write_directory_to_mtree(Gio.File.new_for_path(str(root)), mutable, modifier)
        _, top = repository.write_mtree(mutable)
        _, checksum = repository.write_commit(parent, None, None, described, top)
        _, stats = repository.commit_transaction()
    except GLib.Error as error:
        raise FailedError(f"Postprocessing and committing: Writing commit: {message(error)}") from None
    _, variant, _ = repository.load_commit(checksum)
    return Committed(
        checksum,
        OSTree.commit_get_content_checksum(variant),
        OSTree.commit_get_timestamp(variant),
        Statistics(
            stats.metadata_objects_total,
            stats.metadata_objects_written,
            stats.content_objects_total,
            stats.content_objects_written,
            stats.devino_cache_hits,
            stats.content_bytes_written,
        ),
    )


def publish(cache: Path, target: OSTree.Repo, checksum: str, ref: str | None) -> str:
    """Copy a commit into the served repository; its ref moves last, with the transaction.

    Returns the line that libostree has for what was copied.
    """
    progress = OSTree.AsyncProgress.new()
    options = {
        "refs": GLib.Variant("as", [checksum]),
        "inherit-transaction": GLib.Variant("b", True),
    }
    try:
        target.prepare_transaction()
        target.pull_with_options(f"file://{cache}", GLib.Variant("a{sv}", options), progress, None)
        if ref is not None:
            target.transaction_set_ref(None, ref, checksum)
        target.commit_transaction()
    except GLib.Error as error:
        target.abort_transaction()
        raise FailedError(message(error)) from None
    progress.finish()
    return str(progress.get_status() or "")
