"""Fetching what a remote has: verified by libostree, worded as rpm-ostree words it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from lab.rpm_ostree.errors import FailedError
from lab.rpm_ostree.libostree import GLib, OSTree, message, resolve
from lab.rpm_ostree.sysroot import Refspec
from lab.rpm_ostree.transaction import begin, say

_CHECKSUM = re.compile(r"[0-9a-f]{64}")


def pull(
    repository: OSTree.Repo,
    source: Refspec,
    *,
    commit: str | None = None,
    not_older_than: str | None = None,
    commit_only: bool = False,
    depth: int = 0,
) -> str:
    """Fetch what a ref names, and say what was fetched.

    + repository: of this machine
    + source: remote and ref
    + commit: fetch this commit in place of the ref's
    + not_older_than: a commit; anything chronologically older is refused
    + commit_only: leave the tree out
    + depth: how many of its ancestors to fetch as well; -1: all

    Returns the checksum.
    """
    if source.remote is None:
        raise FailedError(f"{source} is a local ref: the lab's stand-in for rpm-ostree follows remotes only")
    options = {"refs": GLib.Variant("as", [source.ref])}
    if commit:
        options["override-commit-ids"] = GLib.Variant("as", [commit])
    if not_older_than:
        options["timestamp-check-from-rev"] = GLib.Variant("s", not_older_than)
    if commit_only:
        options["flags"] = GLib.Variant("i", int(OSTree.RepoPullFlags.COMMIT_ONLY))
    if depth:
        options["depth"] = GLib.Variant("i", depth)
    progress = OSTree.AsyncProgress.new()
    begin(f"While pulling {commit or source.ref}")
    try:
        repository.pull_with_options(source.remote, GLib.Variant("a{sv}", options), progress, None)
    except GLib.Error as error:
        raise FailedError(f"While pulling {commit or source.ref}: {message(error)}") from None
    finally:
        progress.finish()
    say(str(progress.get_status() or ""))
    return commit or resolve(repository, str(source)) or ""


def find_revision(repository: OSTree.Repo, source: Refspec, revision: str) -> str:
    """Return the checksum of a version, or of a checksum, in the history that a remote has of a ref."""
    is_checksum = _CHECKSUM.fullmatch(revision) is not None
    say(f"Validating checksum '{revision}'" if is_checksum else f"Resolving version '{revision}'")
    tip = pull(repository, source, commit_only=True, depth=-1)
    for checksum, version in _ancestry(repository, tip):
        if revision == (checksum if is_checksum else version):
            return checksum
    kind = "Checksum" if is_checksum else "Version"
    raise FailedError(f"{kind} {revision} not found in {source}")


def refuse_older(repository: OSTree.Repo, new: str, current: str) -> None:
    """Refuse a commit that is chronologically older than another."""
    new_time, current_time = (
        OSTree.commit_get_timestamp(repository.load_commit(checksum)[1]) for checksum in (new, current)
    )
    if new_time < current_time:
        raise FailedError(
            "While checking against deployment timestamp: "
            f"Upgrade target revision '{new}' with timestamp '{time.asctime(time.gmtime(new_time))}' is "
            f"chronologically older than current revision '{current}' with timestamp "
            f"'{time.asctime(time.gmtime(current_time))}'; use --allow-downgrade to permit"
        )


def _ancestry(repository: OSTree.Repo, tip: str) -> Iterator[tuple[str, str | None]]:
    checksum: str | None = tip
    while checksum:
        try:
            _, commit, _ = repository.load_commit(checksum)
        except GLib.Error:
            return
        version = commit.get_child_value(0).lookup_value("version", GLib.VariantType("s"))
        yield checksum, version.get_string() if version is not None else None
        checksum = OSTree.commit_get_parent(commit)
