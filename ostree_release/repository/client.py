"""A client's own repository: what a workstation would get over HTTPS, trusting only what it trusts."""

from __future__ import annotations

from pathlib import Path

from ..errors import Refused
from .libostree import Gio, GLib, OSTree, refusing, summary_refs
from .reading import Repository

_REMOTE = "smoke"


class Client(Repository):
    """A scratch repository with one remote, made first where there is none."""

    def __init__(self, path: Path) -> None:
        """Make the repository unless it is there, and open it."""
        made = OSTree.Repo.new(Gio.File.new_for_path(str(path)))
        with refusing(f"scratch repository {path}"):
            made.create(OSTree.RepoMode.ARCHIVE, None)  # also accepts one that exists
        super().__init__(path)

    def trust(self, url: str, public_key: Path, ca_file: Path | None) -> None:
        """Make the one remote anew, as a client has it: signatures required, only this key, only this CA."""
        options = {"gpg-verify": GLib.Variant("b", True), "gpg-verify-summary": GLib.Variant("b", False)}
        if ca_file:
            options["tls-ca-path"] = GLib.Variant("s", str(ca_file))
        with refusing(f"remote {url}"):
            change = self.handle.remote_change
            # Its address is not looked at, but libostree 2020.8 takes no None.
            change(None, OSTree.RepoRemoteChange.DELETE_IF_EXISTS, _REMOTE, url, None, None)
            change(None, OSTree.RepoRemoteChange.ADD, _REMOTE, url, GLib.Variant("a{sv}", options), None)
            # The remote's keyring, as `ostree remote gpg-import` makes it; libostree's own import leaves a
            # gpg-agent behind in about every second run (seen with 2025.2).
            (self.path / f"{_REMOTE}.trustedkeys.gpg").write_bytes(public_key.read_bytes())

    def pull_commit(self, ref: str) -> str:
        """Pull the commit of a ref from the one remote, with its signature verified, and forget those before.

        Returns the checksum it has there. The commit stays marked as partial, so that pruning does not miss
        the rest of it.
        """
        options = {
            "refs": GLib.Variant("as", [ref]),
            "flags": GLib.Variant("i", int(OSTree.RepoPullFlags.COMMIT_ONLY)),
            "n-network-retries": GLib.Variant("u", 1),
        }
        with refusing(f"pulling {ref}"):
            self.handle.pull_with_options(_REMOTE, GLib.Variant("a{sv}", options), None, None)
            _, checksum = self.handle.resolve_rev(f"{_REMOTE}:{ref}", False)
            _, refs = self.handle.list_refs_ext(None, OSTree.RepoListRefsExtFlags.NONE, None)
            for old in refs:
                if old != f"{_REMOTE}:{ref}":
                    self.handle.set_ref_immediate(_REMOTE, old.partition(":")[2], None, None)
            self.handle.prune(OSTree.RepoPruneFlags.REFS_ONLY, 0, None)
        return str(checksum)

    def served_summary(self) -> dict[str, str]:
        """Return the refs that the one remote's summary names."""
        with refusing("fetching the summary"):
            _, content, _ = self.handle.remote_fetch_summary(_REMOTE, None)
        if content is None:
            raise Refused("fetching the summary: the server has none")
        return summary_refs(content.get_data())
