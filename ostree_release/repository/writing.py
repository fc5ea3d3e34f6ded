"""Changing a repository: transactions with copied builds, releases and refs; signatures; the summary.

Metadata is copied as whole GLib variants, never through Python values or text: rpm-ostree stores integers
big-endian, and types matter.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..model import Move
from . import stored
from .copying import copy
from .libostree import GLib, OSTree, refusing
from .reading import OWN_METADATA, Repository

_BINDINGS = (
    "ostree.ref-binding",
    "ostree.collection-binding",
)  # belong to the refs of the commit that has them
_SIGNATURES = ("ostree.gpgsigs", "ostree.sign.")  # belong to the bytes of the commit that has them


def update_summary(repository: Repository) -> bool:
    """Regenerate the summary if it does not name the refs as they are; returns whether it was."""
    if repository.summary() == repository.refs():
        return False
    with refusing(f"summary of {repository.path}"):
        repository.handle.regenerate_summary(None, None)
    return True


def sign(repository: Repository, checksum: str, fingerprint: str, home: Path) -> None:
    """Add a signature of a commit by the key with that fingerprint in a GNUPGHOME."""
    with refusing(f"signing {checksum} with {fingerprint}"):
        repository.handle.sign_commit(checksum, fingerprint, str(home), None)


def attach(repository: Repository, checksum: str, signature: bytes) -> None:
    """Add a detached binary signature, which the caller has verified, to those that a commit has."""
    with refusing(f"attaching a signature to {checksum}"):
        repository.handle.append_gpg_signature(checksum, GLib.Bytes.new(signature), None)


@contextlib.contextmanager
def transaction(repository: Repository) -> Iterator[Transaction]:
    """Open a transaction: what the block does appears together when it calls `commit`, or not at all."""
    with refusing(f"repository {repository.path}"):
        repository.handle.prepare_transaction(None)
    opened = Transaction(repository)
    try:
        yield opened
    finally:
        if not opened.committed:
            repository.handle.abort_transaction(None)


class Transaction:
    """What can be done between the start and the end of a transaction."""

    def __init__(self, repository: Repository) -> None:
        self._repository, self._repo = repository, repository.handle
        self.committed = False

    def copy_build(self, source: Repository, checksum: str, since: str | None) -> None:
        """Copy a commit by its checksum from a repository on this machine, verifying each object that is new.

        + since: a commit that is here, most of whose objects the build may have too

        libostree copies the commit itself, and whatever of it is still missing then.
        """
        before = self._repository.root(since) if since else None
        new = stored.reached(source.root(checksum), before).objects
        self._repository.sound.update(copy(source.path, self._repository.path, new))
        options = {
            "refs": GLib.Variant("as", [checksum]),  # never a ref's name: it may move meanwhile
            "flags": GLib.Variant("i", int(OSTree.RepoPullFlags.UNTRUSTED)),
            "inherit-transaction": GLib.Variant("b", True),
            "disable-sign-verify": GLib.Variant("b", True),  # the caller asks for one key, not for any
        }
        with refusing(f"copying build {checksum} from {source.path}"):
            self._repo.pull_with_options(f"file://{source.path}", GLib.Variant("a{sv}", options), None, None)

    def write_release(
        self,
        build: str,
        parent: str | None,
        timestamp: int,
        refs: Iterable[str],
        fields: Mapping[str, str],
    ) -> str:
        """Write a commit with a build's tree and all of its metadata, bound to refs; returns its checksum.

        + timestamp: seconds since 1970
        + fields: metadata of our own, text only
        """
        with refusing(f"releasing build {build}"):
            _, source, _ = self._repo.load_commit(build)
            metadata = GLib.VariantDict.new(
                source.get_child_value(0)
            )  # every value with its type and byte order
            for key in source.get_child_value(0).keys():  # noqa: SIM118 - a GLib variant
                if key in _BINDINGS or key.startswith(OWN_METADATA):
                    metadata.remove(key)
            metadata.insert_value("ostree.ref-binding", GLib.Variant("as", sorted(refs)))
            for key, value in fields.items():
                metadata.insert_value(key, GLib.Variant("s", value))
            subject, body = source.get_child_value(3).get_string(), source.get_child_value(4).get_string()
            _, root, _ = self._repo.read_commit(build, None)
            _, new = self._repo.write_commit_with_time(
                parent, subject or None, body or None, metadata.end(), root, timestamp, None
            )
            self._copy_detached(build, new)
        return str(new)

    def move(self, move: Move) -> None:
        """Set a ref to a commit, or delete it."""
        self._repo.transaction_set_ref(None, move.ref, move.new)

    def commit(self) -> None:
        """Make it last: first the objects, synced, then the refs."""
        with refusing("ending the transaction"):
            self._repo.commit_transaction(None)
        self.committed = True

    def _copy_detached(self, old: str, new: str) -> None:
        _, source = self._repo.read_commit_detached_metadata(old, None)
        if source is None:
            return
        kept = GLib.VariantDict.new(source)
        for key in source.keys():  # noqa: SIM118 - a GLib variant
            if key.startswith(_SIGNATURES):
                kept.remove(key)
        copied = kept.end()
        if copied.n_children():
            self._repo.write_commit_detached_metadata(new, copied, None)
