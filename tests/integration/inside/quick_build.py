"""Put one more build on dev without composing it: the newest one's tree with packages and files changed.

Runs as root on the lab's server, on libostree and rpm alone: nothing of the program under test makes what it is
tested with. Its rpm database, list of packages, advisories, signature and summary are what a compose would have
left; what only rpm-ostree's output tells (package repositories) is not kept, of which the gates warn.

Argument: {"packages": {NAME: [VERSION, SPEC]}, "files": {PATH: BASE64}, "links": {PATH: TARGET}, "remove": [PATH],
"drop": [NAME], "tree_of": CHECKSUM or null for the newest}; removed paths and dropped packages have to be there.
Prints {"version": ..., "checksum": ...}.
"""

from __future__ import annotations

import base64
import hashlib
import json
import platform
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gi

gi.require_version("OSTree", "1.0")
from gi.repository import Gio, GLib, OSTree  # noqa: E402

REPOSITORY = "/srv/ostree/rpm-ostree/dev"
REF = f"fedora/{platform.machine()}/kinoite/dev"
HOME = "/var/lib/ostree-release/keys/dev"
DATABASE = "/usr/share/rpm"
ADVISORIES = Path("/var/lib/ostree-release/advisories/dev")


def main(asked: dict[str, Any], work: Path) -> None:
    """Make the build that is asked for."""
    repo = OSTree.Repo.new(Gio.File.new_for_path(REPOSITORY))
    repo.open(None)
    _, parent = repo.resolve_rev(REF, False)
    origin = asked["tree_of"] or parent
    metadata = _metadata(repo, origin)
    date, _, number = _metadata(repo, parent)["version"].get_string().rpartition(".")
    version = f"{date}.{int(number) + 1}"

    repo.prepare_transaction(None)
    tree = OSTree.MutableTree.new_from_commit(repo, origin)
    packages = [_rpmbuild(work, name, *how) for name, how in asked["packages"].items()]
    for package in packages:
        for path, content, mode in _files(package):
            _write(repo, tree, path, content, mode)
    for path, content in asked["files"].items():
        _write(repo, tree, path, base64.b64decode(content), 0o644)
    for path, target in asked["links"].items():
        folder, name = _folder(tree, path)
        folder.replace_file(name, repo.write_symlink(None, 0, 0, None, target, None))
    for path in asked["remove"]:
        folder, name = _folder(tree, path)
        folder.remove(name, False)
    if packages or asked["drop"]:
        metadata["rpmostree.rpmdb.pkglist"] = _database(repo, tree, origin, work, packages, asked["drop"])
    metadata["version"] = GLib.Variant("s", version)
    inputs = hashlib.sha256(json.dumps([version, asked]).encode())
    metadata["rpmostree.inputhash"] = GLib.Variant("s", inputs.hexdigest())
    _, root = repo.write_mtree(tree, None)
    _, checksum = repo.write_commit(parent, None, None, GLib.Variant("a{sv}", metadata), root, None)
    repo.transaction_set_ref(None, REF, checksum)
    repo.commit_transaction(None)

    listing = _run("gpg", "--homedir", HOME, "--batch", "--with-colons", "--list-secret-keys")
    key = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))
    repo.sign_commit(checksum, key, HOME, None)
    _run("gpgconf", "--homedir", HOME, "--kill", "gpg-agent")
    repo.regenerate_summary(None, None)
    announced = json.loads((ADVISORIES / f"{origin}.json").read_text())
    (ADVISORIES / f"{checksum}.json").write_text(json.dumps({**announced, "build": checksum}))
    print(json.dumps({"version": version, "checksum": checksum}))


def _metadata(repo: Any, checksum: str) -> dict[str, Any]:
    _, commit, _ = repo.load_commit(checksum)
    found = commit.get_child_value(0)
    pairs = (found.get_child_value(number) for number in range(found.n_children()))
    return {pair.get_child_value(0).get_string(): pair.get_child_value(1).get_variant() for pair in pairs}


def _rpmbuild(work: Path, name: str, version: str, spec: str) -> Path:
    (work / f"{name}.spec").write_text(spec)
    macros = {"lab_version": version, "_topdir": work / name, "_rpmdir": work / name / "rpms"}
    # As lab/packages/builder.py, for the same reason.
    macros |= {"debug_package": "%{nil}", "__os_install_post": "%{nil}"}
    defined = [part for each, value in macros.items() for part in ("--define", f"{each} {value}")]
    _run("rpmbuild", "-bb", "--quiet", "--nodeps", *defined, work / f"{name}.spec")
    return next((work / name / "rpms").rglob("*.rpm"))


def _files(package: Path) -> Iterator[tuple[str, bytes, int]]:
    """Yield path, content and mode of a package's files, where an image has them."""
    archive = subprocess.Popen(("rpm2archive", "-n", "-"), stdin=package.open("rb"), stdout=subprocess.PIPE)
    with archive, tarfile.open(fileobj=archive.stdout, mode="r|*") as files:
        for entry in files:
            content = files.extractfile(entry)
            if content is not None:
                path = "/" + entry.name.removeprefix("./").removeprefix("/")
                moved = f"/usr{path}" if path.startswith("/etc/") else path
                yield moved, content.read(), entry.mode & 0o7777


def _database(repo: Any, tree: Any, origin: str, work: Path, packages: list[Path], dropped: list[str]) -> Any:
    """Change the rpm database as rpm does; returns the list of packages that it then has."""
    folder = work / "rpm"
    _run("ostree", f"--repo={REPOSITORY}", "checkout", "-U", f"--subpath={DATABASE}", origin, folder)
    rpm = ("rpm", f"--dbpath={folder}")
    if dropped:
        _run(*rpm, "--erase", "--justdb", "--nodeps", "--noscripts", *dropped)
    if packages:
        options = ("--justdb", "--nodeps", "--noscripts", "--oldpackage", "--replacepkgs", "--nosignature")
        _run(*rpm, "--upgrade", *options, *packages)
    query = "%{NAME} %{EPOCHNUM} %{VERSION} %{RELEASE} %{ARCH}\n"
    listed = _run(*rpm, "--query", "--all", "--queryformat", query).splitlines()
    # An image's /usr cannot be written, and a database with a journal of its own not be read there.
    database = sqlite3.connect(folder / "rpmdb.sqlite", isolation_level=None)
    database.execute("PRAGMA journal_mode=DELETE")
    database.close()
    _write(repo, tree, f"{DATABASE}/rpmdb.sqlite", (folder / "rpmdb.sqlite").read_bytes(), 0o644)
    return GLib.Variant("a(sssss)", sorted(tuple(line.split()) for line in listed))


def _write(repo: Any, tree: Any, path: str, content: bytes, mode: int) -> None:
    folder, name = _folder(tree, path)
    checksum = repo.write_regfile_inline(None, 0, 0, 0o100000 | mode, None, content, None)
    folder.replace_file(name, checksum)


def _folder(tree: Any, path: str) -> tuple[Any, str]:
    *parts, name = path.strip("/").split("/")
    metadata = tree.get_metadata_checksum()
    for part in parts:
        _, tree = tree.ensure_dir(part)
        if tree.get_metadata_checksum() is None:
            tree.set_metadata_checksum(metadata)
    return tree, name


def _run(*command: str | Path) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{command}: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="quick-build-", dir="/var/tmp") as place:
        main(json.loads(sys.argv[1]), Path(place))
