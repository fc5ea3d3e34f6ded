"""A repository: the only module that touches libostree.

Everything goes in and out as plain data; errors of libostree become one line. Metadata is copied as whole
GLib variants, never through Python values or text: rpm-ostree stores integers big-endian, and types matter.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gi

from .errors import Refused
from .images.tree import Tree
from .model import Commit, Move, Package

gi.require_version("OSTree", "1.0")
from gi.repository import Gio, GLib, OSTree  # noqa: E402

OWN_METADATA = "release."  # written for each release, never copied
_BINDINGS = (
    "ostree.ref-binding",
    "ostree.collection-binding",
)  # belong to the refs of the commit that has them
_SIGNATURES = ("ostree.gpgsigs", "ostree.sign.")  # belong to the bytes of the commit that has them
_PACKAGES = "rpmostree.rpmdb.pkglist"
_REPOSITORIES = "rpmostree.rpmmd-repos"
_CURRENT_DIRECTORY = -100  # AT_FDCWD of openat(2)
_SMOKE = "smoke"  # the remote of a scratch repository
_KINDS = {
    "commit": OSTree.ObjectType.COMMIT,
    "dirtree": OSTree.ObjectType.DIR_TREE,
    "dirmeta": OSTree.ObjectType.DIR_META,
    "file": OSTree.ObjectType.FILE,
}


@contextlib.contextmanager
def _refusing(what: str) -> Iterator[None]:
    try:
        yield
    except GLib.Error as error:
        raise Refused(f"{what}: {' '.join(error.message.split())}") from error


class Repository:
    """An open archive repository."""

    def __init__(self, path: Path) -> None:
        """Open the repository at a path; refuses one that is missing or not of mode archive."""
        self.path = path
        self._repo = OSTree.Repo.new(Gio.File.new_for_path(str(path)))
        with _refusing(f"repository {path}"):
            self._repo.open(None)
        if self._repo.get_mode() != OSTree.RepoMode.ARCHIVE:
            raise Refused(f"repository {path}: its core.mode is not archive, so it cannot be served")

    @classmethod
    def scratch(cls, path: Path) -> Repository:
        """Open the repository at a path, made first where there is none; for smoke pulls."""
        repo = OSTree.Repo.new(Gio.File.new_for_path(str(path)))
        with _refusing(f"scratch repository {path}"):
            repo.create(OSTree.RepoMode.ARCHIVE, None)  # also accepts one that exists
        return cls(path)

    # Looking

    def refs(self) -> dict[str, str]:
        """Return every local ref with its checksum."""
        with _refusing(f"refs of {self.path}"):
            _, refs = self._repo.list_refs_ext(None, OSTree.RepoListRefsExtFlags.EXCLUDE_REMOTES, None)
        return dict(refs)

    def commit(self, checksum: str) -> Commit:
        """Return what a commit says; refuses one that is missing or only partly there."""
        variant = self._load(checksum)
        metadata = GLib.VariantDict.new(variant.get_child_value(0))
        serial = _string(metadata, OWN_METADATA + "serial") or "0"
        bindings = metadata.lookup_value("ostree.ref-binding", GLib.VariantType("as"))
        return Commit(
            checksum=checksum,
            version=_string(metadata, "version") or checksum[:12],
            timestamp=OSTree.commit_get_timestamp(variant),
            parent=OSTree.commit_get_parent(variant),
            content=OSTree.commit_get_content_checksum(variant),
            serial=int(serial) if serial.isdecimal() else 0,
            build=_string(metadata, OWN_METADATA + "build"),
            bindings=frozenset(bindings.unpack() if bindings else ()),
            journal=_string(metadata, OWN_METADATA + "journal"),
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
        metadata = GLib.VariantDict.new(self._load(checksum).get_child_value(0))
        listed = metadata.lookup_value(_PACKAGES, GLib.VariantType("a(sssss)"))
        return None if listed is None else tuple(Package(*fields) for fields in listed.unpack())

    def package_repositories(self, checksum: str) -> tuple[str, ...] | None:
        """Return the identifiers of the package repositories that a commit was composed from, or None."""
        metadata = GLib.VariantDict.new(self._load(checksum).get_child_value(0))
        listed = metadata.lookup_value(_REPOSITORIES, GLib.VariantType("aa{sv}"))
        return None if listed is None else tuple(str(each["id"]) for each in listed.unpack() if "id" in each)

    def tree(self, checksum: str) -> Tree:
        """Return the files of a commit; refuses one that is missing."""
        return Tree(self._repo, checksum)

    def is_partial(self, checksum: str) -> bool:
        """Say whether a pull of a commit was begun and never ended."""
        return (self.path / "state" / f"{checksum}.commitpartial").exists()

    def unsound(self, kind: str, checksum: str) -> str | None:
        """Read one object and its checksum again; returns "missing", "damaged", or None where it is sound.

        kind: commit, dirtree, dirmeta or file.
        """
        try:
            self._repo.fsck_object(_KINDS[kind], checksum, None)
        except GLib.Error as error:
            missing = error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.NOT_FOUND)
            return "missing" if missing else "damaged"
        return None

    def check_out(self, checksum: str, target: Path) -> None:
        """Write the tree of a commit to a new directory; owners and special modes are only in the commit."""
        options = OSTree.RepoCheckoutAtOptions()  # checkout_tree would leave links into the repository
        options.mode = int(OSTree.RepoCheckoutMode.USER)  # the enumeration itself makes PyGObject complain
        with _refusing(f"checking out {checksum}"):
            self._repo.checkout_at(options, _CURRENT_DIRECTORY, str(target), checksum, None)

    def input_hash(self, checksum: str) -> str | None:
        """Return rpm-ostree's hash of what a commit was composed from, or None."""
        return _string(GLib.VariantDict.new(self._load(checksum).get_child_value(0)), "rpmostree.inputhash")

    def signed_by(self, checksum: str, public_key: Path, fingerprints: frozenset[str]) -> bool:
        """Say whether a commit has a valid signature by one of the keys in a file.

        fingerprints: of the primary keys in that file. libostree also trusts the host's own keyrings,
        whatever it is handed, so a valid signature counts only if its key is one of these.
        """
        return not fingerprints.isdisjoint(self.signed_with(checksum, public_key))

    def commit_bytes(self, checksum: str) -> bytes:
        """Return a commit as it is stored, which is what is signed; the SHA-256 of it is its checksum."""
        return bytes(self._load(checksum).get_data_as_bytes().get_data())

    def signers_of(self, checksum: str, signature: bytes, public_key: Path) -> list[tuple[str, str | None]]:
        """Return (primary fingerprint, what is wrong) for each signature in a detached one of a commit.

        signature: binary; public_key: file of the keys that it may be by. Refuses what is no signature.
        """
        data, given = (GLib.Bytes.new(each) for each in (self.commit_bytes(checksum), signature))
        keys = Gio.File.new_for_path(str(public_key))
        with _refusing("signature"):
            result = self._repo.gpg_verify_data(None, data, given, None, keys, None)
        return [(fingerprint, _wrong(values)) for fingerprint, values in _signatures(result)]

    def signed_with(self, checksum: str, public_key: Path) -> frozenset[str]:
        """Return the fingerprints of the primary keys in a file by which a commit has a valid signature."""
        found = self.signatures(checksum, public_key)
        return frozenset(fingerprint for fingerprint, wrong in found if not wrong)

    def signatures(self, checksum: str, public_key: Path) -> list[tuple[str, str | None]]:
        """Return (primary fingerprint, what is wrong) for every signature of a commit."""
        keys = Gio.File.new_for_path(str(public_key))
        try:
            result = self._repo.verify_commit_ext(checksum, None, keys, None)
        except GLib.Error:
            return []  # no signature at all
        return [(fingerprint, _wrong(values)) for fingerprint, values in _signatures(result)]

    def summary(self) -> dict[str, str] | None:
        """Return the refs that the summary names, or None without a summary."""
        try:
            content = (self.path / "summary").read_bytes()
        except FileNotFoundError:
            return None
        return _summary_refs(content)

    # Changing

    def update_summary(self) -> bool:
        """Regenerate the summary if it does not name the refs as they are; returns whether it was."""
        if self.summary() == self.refs():
            return False
        with _refusing(f"summary of {self.path}"):
            self._repo.regenerate_summary(None, None)
        return True

    def sign(self, checksum: str, fingerprint: str, home: Path) -> None:
        """Add a signature by the key with that fingerprint in a GNUPGHOME."""
        with _refusing(f"signing {checksum} with {fingerprint}"):
            self._repo.sign_commit(checksum, fingerprint, str(home), None)

    def attach(self, checksum: str, signature: bytes) -> None:
        """Add a detached binary signature, which the caller has verified, to those that a commit has."""
        with _refusing(f"attaching a signature to {checksum}"):
            self._repo.append_gpg_signature(checksum, GLib.Bytes.new(signature), None)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Open a transaction: what the block does appears together when it calls `commit`, or not at all."""
        with _refusing(f"repository {self.path}"):
            self._repo.prepare_transaction(None)
        transaction = Transaction(self._repo)
        try:
            yield transaction
        finally:
            if not transaction.committed:
                self._repo.abort_transaction(None)

    # As a client (scratch repositories)

    def trust(self, url: str, public_key: Path, ca_file: Path | None) -> None:
        """Make the one remote anew, as a client has it: signatures required, only this key, only this CA."""
        options = {"gpg-verify": GLib.Variant("b", True), "gpg-verify-summary": GLib.Variant("b", False)}
        if ca_file:
            options["tls-ca-path"] = GLib.Variant("s", str(ca_file))
        with _refusing(f"remote {url}"):
            change = self._repo.remote_change
            # Its address is not looked at, but libostree 2020.8 takes no None.
            change(None, OSTree.RepoRemoteChange.DELETE_IF_EXISTS, _SMOKE, url, None, None)
            change(None, OSTree.RepoRemoteChange.ADD, _SMOKE, url, GLib.Variant("a{sv}", options), None)
            # The remote's keyring, as `ostree remote gpg-import` makes it; libostree's own import leaves a
            # gpg-agent behind in about every second run (seen with 2025.2).
            (self.path / f"{_SMOKE}.trustedkeys.gpg").write_bytes(public_key.read_bytes())

    def pull(self, ref: str) -> str:
        """Pull a ref from the one remote, with everything verified, and forget what was pulled before.

        Returns the checksum it has there. Objects that are already here are not fetched again.
        """
        options = {
            "refs": GLib.Variant("as", [ref]),
            "n-network-retries": GLib.Variant("u", 1),
        }
        with _refusing(f"pulling {ref}"):
            self._repo.pull_with_options(_SMOKE, GLib.Variant("a{sv}", options), None, None)
            _, checksum = self._repo.resolve_rev(f"{_SMOKE}:{ref}", False)
            _, refs = self._repo.list_refs_ext(None, OSTree.RepoListRefsExtFlags.NONE, None)
            for old in refs:
                if old != f"{_SMOKE}:{ref}":
                    self._repo.set_ref_immediate(_SMOKE, old.partition(":")[2], None, None)
            self._repo.prune(OSTree.RepoPruneFlags.REFS_ONLY, 0, None)
        return str(checksum)

    def served_summary(self) -> dict[str, str]:
        """Return the refs that the one remote's summary names."""
        with _refusing("fetching the summary"):
            _, content, _ = self._repo.remote_fetch_summary(_SMOKE, None)
        if content is None:
            raise Refused("fetching the summary: the server has none")
        return _summary_refs(content.get_data())

    def _load(self, checksum: str) -> Any:
        with _refusing(f"commit {checksum} in {self.path}"):
            _, variant, state = self._repo.load_commit(checksum)
        if state & OSTree.RepoCommitState.PARTIAL:
            raise Refused(f"commit {checksum} in {self.path}: some of its objects are missing (partial)")
        return variant


class Transaction:
    """What can be done between the start and the end of a transaction."""

    def __init__(self, repo: Any) -> None:
        self._repo = repo
        self.committed = False

    def copy_build(self, source: Repository, checksum: str) -> None:
        """Copy a commit by its checksum from a repository on this machine, verifying every object."""
        options = {
            "refs": GLib.Variant("as", [checksum]),  # never a ref's name: it may move meanwhile
            "flags": GLib.Variant("i", int(OSTree.RepoPullFlags.UNTRUSTED)),
            "inherit-transaction": GLib.Variant("b", True),
            "disable-sign-verify": GLib.Variant("b", True),  # the caller asks for one key, not for any
        }
        with _refusing(f"copying build {checksum} from {source.path}"):
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

        timestamp: seconds since 1970; fields: metadata of our own, text only.
        """
        with _refusing(f"releasing build {build}"):
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
        with _refusing("ending the transaction"):
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


def _string(metadata: Any, key: str) -> str | None:
    value = metadata.lookup_value(key, GLib.VariantType("s"))
    return value.get_string() if value else None


def _summary_refs(content: bytes) -> dict[str, str]:
    kind = GLib.VariantType(OSTree.SUMMARY_GVARIANT_STRING)
    refs, _ = GLib.Variant.new_from_bytes(kind, GLib.Bytes.new(content), False).unpack()
    return {ref: bytes(checksum).hex() for ref, (_, checksum, _) in refs}
