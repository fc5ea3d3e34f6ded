"""Reading a repository: refs, commits and what their metadata says, signatures, the summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import Refused
from ..model import Commit, Package
from ..text import short
from . import stored
from .libostree import Gio, GLib, OSTree, refusing, summary_refs, text
from .objects import Name, Object
from .stored import Root
from .tree import Tree

OWN_METADATA = "release."  # written for each release, never copied
_PACKAGES = "rpmostree.rpmdb.pkglist"
_REPOSITORIES = "rpmostree.rpmmd-repos"
_METADATA = {"dirtree": OSTree.ObjectType.DIR_TREE, "dirmeta": OSTree.ObjectType.DIR_META}
_CURRENT_DIRECTORY = -100  # AT_FDCWD of openat(2)


@dataclass(frozen=True)
class Unsound:
    """An object that is missing or damaged.

    + path: where it was met first, "commit" for the commit itself
    """

    path: str
    kind: str
    checksum: str
    what: str


@dataclass(frozen=True)
class Known:
    """A commit of which everything was there and sound.

    + at: when it was read, in ns since 1970
    """

    checksum: str
    at: int


class Repository:
    """An open archive repository.

    + handle: libostree's own object, for this package alone
    + sound: what was read whole, and is as it should be
    """

    def __init__(self, path: Path) -> None:
        """Open the repository at a path; refuses one that is missing or not of mode archive."""
        self.path = path
        self.sound: set[Object] = set()
        self.handle = OSTree.Repo.new(Gio.File.new_for_path(str(path)))
        with refusing(f"repository {path}"):
            self.handle.open(None)
        if self.handle.get_mode() != OSTree.RepoMode.ARCHIVE:
            raise Refused(f"repository {path}: its core.mode is not archive, so it cannot be served")

    def refs(self) -> dict[str, str]:
        """Return every local ref with its checksum."""
        with refusing(f"refs of {self.path}"):
            _, refs = self.handle.list_refs_ext(None, OSTree.RepoListRefsExtFlags.EXCLUDE_REMOTES, None)
        return dict(refs)

    def commit(self, checksum: str) -> Commit:
        """Return what a commit says; refuses one that is missing or only partly there."""
        variant = self._load(checksum)
        metadata = GLib.VariantDict.new(variant.get_child_value(0))
        serial = text(metadata, OWN_METADATA + "serial") or "0"
        bindings = metadata.lookup_value("ostree.ref-binding", GLib.VariantType("as"))
        return Commit(
            checksum=checksum,
            version=text(metadata, "version") or short(checksum),
            timestamp=OSTree.commit_get_timestamp(variant),
            parent=OSTree.commit_get_parent(variant),
            content=OSTree.commit_get_content_checksum(variant),
            serial=int(serial) if serial.isdecimal() else 0,
            build=text(metadata, OWN_METADATA + "build"),
            bindings=frozenset(bindings.unpack() if bindings else ()),
            journal=text(metadata, OWN_METADATA + "journal"),
        )

    def history(self, ref: str) -> Iterator[Commit]:
        """Yield the commits of a ref, newest first, as far back as they are whole."""
        checksum = self.refs().get(ref)
        while checksum and self.has(checksum):
            commit = self.commit(checksum)
            yield commit
            checksum = commit.parent

    def has(self, checksum: str) -> bool:
        """Say whether a commit is there with everything that belongs to it."""
        try:
            self._load(checksum)
        except Refused:
            return False
        return True

    def packages(self, checksum: str) -> tuple[Package, ...] | None:
        """Return the packages that a commit's metadata lists, or None where it has no such list."""
        listed = self._listed(checksum)
        return None if listed is None else tuple(_packages(listed))

    def package_count(self, checksum: str) -> int:
        """Return how many packages a commit's metadata lists."""
        listed = self._listed(checksum)
        return 0 if listed is None else int(listed.n_children())

    def package_repositories(self, checksum: str) -> tuple[str, ...] | None:
        """Return the identifiers of the package repositories that a commit was composed from, or None."""
        metadata = GLib.VariantDict.new(self._load(checksum).get_child_value(0))
        listed = metadata.lookup_value(_REPOSITORIES, GLib.VariantType("aa{sv}"))
        return None if listed is None else tuple(str(each["id"]) for each in listed.unpack() if "id" in each)

    def tree(self, checksum: str) -> Tree:
        """Return the files of a commit; refuses one that is missing."""
        return Tree(self.handle, checksum)

    def is_partial(self, checksum: str) -> bool:
        """Say whether a pull of a commit was begun and never ended."""
        return (self.path / "state" / f"{checksum}.commitpartial").exists()

    def root(self, checksum: str) -> Root:
        """Return the top of a commit's tree; refuses a commit that is missing."""
        top = self.tree(checksum).root
        return Root(self.path, Name("", top.content, top.meta))

    def unsound(self, checksum: str, known: Known | None) -> Iterator[Unsound]:
        """Yield the objects of a commit that are missing or damaged.

        + known: what was found whole before. What it has too has to be there, and is read again if its file
          has changed since

        What this object has found sound itself is not read again. What lies below a directory that cannot be
        read is not known, and so not named.
        """
        commit = Object(checksum, "commit")
        what = stored.fault(self.path / commit.path, commit)
        if what:
            yield Unsound("commit", commit.kind, commit.checksum, what)
            return
        root = self.root(checksum)
        found = stored.reached(root)
        new = stored.reached(root, self.root(known.checksum)).objects if known else found.objects
        changed = stored.listed(self.path, found.objects)
        doubtful = [
            each
            for each, when in changed.items()
            if when is not None and each not in self.sound and (not known or each in new or when >= known.at)
        ]
        faults = stored.faults(self.path, doubtful)
        shapes = (each for each in new if each.kind in _METADATA and each not in faults)
        faults |= {each: stored.DAMAGED for each in shapes if not self._is_well_formed(each)}
        self.sound.update(each for each in doubtful if each not in faults)
        faults |= {each: stored.MISSING for each, when in changed.items() if when is None}
        faults |= found.faults
        for each, path in found.objects.items():
            if each in faults:
                yield Unsound(path, each.kind, each.checksum, faults[each])

    def check_out(self, checksum: str, target: Path) -> None:
        """Write the tree of a commit to a new directory; owners and special modes are only in the commit."""
        options = OSTree.RepoCheckoutAtOptions()  # checkout_tree would leave links into the repository
        options.mode = int(OSTree.RepoCheckoutMode.USER)  # the enumeration itself makes PyGObject complain
        with refusing(f"checking out {checksum}"):
            self.handle.checkout_at(options, _CURRENT_DIRECTORY, str(target), checksum, None)

    def input_hash(self, checksum: str) -> str | None:
        """Return rpm-ostree's hash of what a commit was composed from, or None."""
        return text(GLib.VariantDict.new(self._load(checksum).get_child_value(0)), "rpmostree.inputhash")

    def signed_by(self, checksum: str, public_key: Path, fingerprints: frozenset[str]) -> bool:
        """Say whether a commit has a valid signature by one of the keys in a file.

        + fingerprints: of the primary keys in that file. libostree also trusts the host's own keyrings,
          whatever it is handed, so a valid signature counts only if its key is one of these
        """
        return not fingerprints.isdisjoint(self.signed_with(checksum, public_key))

    def commit_bytes(self, checksum: str) -> bytes:
        """Return a commit as it is stored, which is what is signed; the SHA-256 of it is its checksum."""
        return bytes(self._load(checksum).get_data_as_bytes().get_data())

    def signers_of(self, checksum: str, signature: bytes, public_key: Path) -> list[tuple[str, str | None]]:
        """Return (primary fingerprint, what is wrong) for each signature in a detached one of a commit.

        + signature: binary
        + public_key: file of the keys that it may be by
        Refuses what is no signature.
        """
        data, given = (GLib.Bytes.new(each) for each in (self.commit_bytes(checksum), signature))
        keys = Gio.File.new_for_path(str(public_key))
        with refusing("signature"):
            result = self.handle.gpg_verify_data(None, data, given, None, keys, None)
        return [(fingerprint, _wrong(values)) for fingerprint, values in _signatures(result)]

    def signed_with(self, checksum: str, public_key: Path) -> frozenset[str]:
        """Return the fingerprints of the primary keys in a file by which a commit has a valid signature."""
        found = self.signatures(checksum, public_key)
        return frozenset(fingerprint for fingerprint, wrong in found if not wrong)

    def signatures(self, checksum: str, public_key: Path) -> list[tuple[str, str | None]]:
        """Return (primary fingerprint, what is wrong) for every signature of a commit."""
        keys = Gio.File.new_for_path(str(public_key))
        try:
            result = self.handle.verify_commit_ext(checksum, None, keys, None)
        except GLib.Error:
            return []  # no signature at all
        return [(fingerprint, _wrong(values)) for fingerprint, values in _signatures(result)]

    def summary(self) -> dict[str, str] | None:
        """Return the refs that the summary names, or None without a summary."""
        try:
            content = (self.path / "summary").read_bytes()
        except FileNotFoundError:
            return None
        return summary_refs(content)

    def _listed(self, checksum: str) -> Any:
        metadata = GLib.VariantDict.new(self._load(checksum).get_child_value(0))
        return metadata.lookup_value(_PACKAGES, GLib.VariantType("a(sssss)"))

    def _is_well_formed(self, each: Object) -> bool:
        """Say whether libostree, and so a client, takes what an object's bytes say (names, modes)."""
        try:
            self.handle.fsck_object(_METADATA[each.kind], each.checksum, None)
        except GLib.Error:
            return False
        return True

    def _load(self, checksum: str) -> Any:
        with refusing(f"commit {checksum} in {self.path}"):
            _, variant, state = self.handle.load_commit(checksum)
        if state & OSTree.RepoCommitState.PARTIAL:
            raise Refused(f"commit {checksum} in {self.path}: some of its objects are missing (partial)")
        return variant


def _packages(listed: Any) -> Iterator[Package]:
    """Yield the packages of a list, whose tuples begin with their five texts, each with a zero at its end.

    `unpack` takes five times as long, because PyGObject makes an object of every text.
    """
    for index in range(listed.n_children()):
        data = listed.get_child_value(index).get_data_as_bytes().get_data()
        texts = [each.decode(errors="replace") for each in data.split(b"\0", 5)[:5]]
        if len(texts) != 5:
            raise Refused(f"{_PACKAGES}: package {index + 1} of a commit's list has not five fields")
        yield Package(*texts)


def _signatures(result: Any) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield the fingerprint of the primary key, and all that libostree says, of every signature."""
    attributes = OSTree.GpgSignatureAttr
    for index in range(result.count_all()):
        values = result.get_all(index).unpack()
        yield values[int(attributes.FINGERPRINT_PRIMARY)] or values[int(attributes.FINGERPRINT)], values


def _wrong(values: Sequence[Any]) -> str | None:
    """Return what is wrong with a signature, or None for a valid one."""
    attributes = OSTree.GpgSignatureAttr
    if values[int(attributes.VALID)]:
        return None
    for attribute, words in (
        (attributes.KEY_MISSING, "its key is not among those that clients trust"),
        (attributes.KEY_EXPIRED, "its key has expired"),
        (attributes.KEY_REVOKED, "its key is revoked"),
        (attributes.SIG_EXPIRED, "it has expired"),
    ):
        if values[int(attribute)]:
            return words
    return "it is not of this commit"
