"""A server in a temporary directory: repositories, keys, configuration, and a web server with TLS.

Runs where libostree, gpg and openssl are, without pytest: python3 -m unittest discover -s tests/server -t .
"""

from __future__ import annotations

import atexit
import compileall
import functools
import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import gi

gi.require_version("OSTree", "1.0")
from gi.repository import Gio, GLib, OSTree  # noqa: E402

from ostree_release.journal import Journal  # noqa: E402
from ostree_release.policy import GATES  # noqa: E402
from tests.server.forks import Forks  # noqa: E402
from tests.server.web import serve  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
HOME = "fedora/x86_64/kinoite"
DEV, PILOT, STABLE = f"{HOME}/dev", f"{HOME}/pilot", f"{HOME}/stable"
USER = pwd.getpwuid(os.geteuid()).pw_name

Document = dict[str, Any]

# The trees of most tests are two files, which no gate would let pass; the gates have tests of their own.
NO_GATES: Document = dict.fromkeys(GATES, False)


def run(*command: str | Path, check: bool = True, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a command; returns its output, and says what it printed if it fails."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **more)
    if check and done.returncode:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


@dataclass(frozen=True)
class File:
    """A file, symbolic link or directory exactly as a commit is to have it."""

    content: bytes = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    xattrs: Mapping[str, bytes] = field(default_factory=dict)
    link: str | None = None
    directory: bool = False


class Server:
    """Everything that deploy.py would have made, in one directory."""

    def __init__(self, top: Path, port: int) -> None:
        """Begin with a copy of what every server has; port: of the web server that serves it."""
        sockets = shutil.ignore_patterns("S.*")  # of the agents
        shutil.copytree(_prepared(), top, dirs_exist_ok=True, ignore=sockets)
        self.top = top
        self.port = port
        self.dev, self.prod = top / "base/dev", top / "base/prod"
        self.state, self.run = top / "state", top / "run"
        self.config = top / "config.json"
        self.before = ""  # Python that runs in every call, after the package's import
        self.write_config()

    def write_config(
        self,
        rings: Sequence[str] = ("pilot", "stable"),
        gates: Document | None = None,
        approval: Document | None = None,
        freeze: Sequence[str] = (),
        **more: Any,
    ) -> None:
        """Write the configuration; gates: those that are on; more: top-level keys to replace."""
        url = f"https://localhost:{self.port}/base"

        def common(name: str, ref: str, owner: str) -> Document:
            return {
                "repository": str(self.top / "base" / name),
                "url": f"{url}/{name}",
                "ref": ref,
                "owner": owner,
                "gnupghome": str(self.state / "keys" / name),
                "public_key": str(self.top / "base/keys" / f"{name}.gpg"),
                **dict.fromkeys(("treefile", "cache", "promotes_from", "policy")),
                "rings": {},
                "signing": "server",
                "freeze": [],
            }

        content = {
            "format": 5,
            "image": "kinoite",
            "public_name": "localhost",
            "ca_file": str(self.top / "tls/ca.crt"),
            "certificate": None,
            "state": str(self.state),
            "run": str(self.run),
            "minimum_free_bytes": 1,
            "smoke_sample": 200,
            "fedora_release": "44",
            "ci_keys": {},
            "gates_directory": str(self.top / "gates.d"),
            "environments": {
                "dev": {
                    **common("dev", DEV, USER),
                    "treefile": str(self.top / "treefiles/kinoite-dev.yaml"),
                    "cache": str(self.top / "cache"),
                },
                "prod": {
                    **common("prod", f"{HOME}/{rings[-1]}", USER),
                    "promotes_from": "dev",
                    "rings": {ring: {"ref": f"{HOME}/{ring}"} for ring in rings},
                    "signing": "server",
                    "policy": {
                        "gates": {**NO_GATES, **(gates or {})},
                        "approval": {"days": 14, "by_another": False, **(approval or {})},
                    },
                    "freeze": list(freeze),
                },
            },
            **more,
        }
        self.config.write_text(json.dumps(content), encoding="utf-8")

    def edit_environment(self, name: str, **changes: Any) -> None:
        """Change keys of one environment in the configuration."""
        content = json.loads(self.config.read_text(encoding="utf-8"))
        content["environments"][name].update(changes)
        self.config.write_text(json.dumps(content), encoding="utf-8")

    def build(
        self,
        version: str,
        packages: Mapping[str, str],
        sign: str | None = "dev",
        files: Mapping[str, File] | None = None,
    ) -> str:
        """Make a build as rpm-ostree would: no binding, big-endian integers; returns its checksum.

        files: what else the tree has, by path, exactly so; see `images.bootable` for one that boots.
        """
        tree = self.top / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        (tree / "usr/share").mkdir(parents=True)
        for name, evr in packages.items():
            (tree / "usr/share" / name).write_text(f"{name} {evr}\n", encoding="utf-8")
        repo = opened(self.dev)
        _, parent = repo.resolve_rev(DEV, True)
        repo.prepare_transaction(None)
        mutable = OSTree.MutableTree.new()
        modifier = _exact(tree, files or {})
        repo.write_directory_to_mtree(Gio.File.new_for_path(str(tree)), mutable, modifier, None)
        _, root = repo.write_mtree(mutable, None)
        _, checksum = repo.write_commit(parent, None, None, metadata(version, packages), root, None)
        repo.transaction_set_ref(None, DEV, checksum)
        repo.commit_transaction(None)
        if sign:
            self.sign(self.dev, checksum, sign)
        return str(checksum)

    def sign(self, repository: Path, checksum: str, key: str) -> None:
        """Sign a commit with one of the server's keys, by the agent that its original has."""
        repo = opened(repository)
        content = repo.load_commit(checksum)[1].get_data_as_bytes().get_data()
        gpg = ("gpg", "--homedir", _prepared() / "state/keys" / key, "--batch", "--detach-sign")
        made = subprocess.run(gpg, input=content, capture_output=True, check=True).stdout
        repo.append_gpg_signature(checksum, GLib.Bytes.new(made), None)

    def code(self, *arguments: str, before: str = "") -> str:
        """Return Python that runs a subcommand; before: what it does after the package's import."""
        return (
            f"import sys; sys.path.insert(0, {str(zipapp())!r})\n"
            "from pathlib import Path\nfrom ostree_release.__main__ import main\n"
            f"{self.before}\n{before}\n"
            f"sys.exit(main({list(arguments)!r}, config=Path({str(self.config)!r})))"
        )

    def command(self, *arguments: str, before: str = "") -> list[str]:
        """Return the command line of the program; before: Python that runs after the package's import."""
        return [sys.executable, "-I", "-c", self.code(*arguments, before=before)]

    def start(self, *arguments: str, before: str = "", **more: Any) -> subprocess.CompletedProcess[str]:
        """Run a subcommand in an interpreter of its own; returns its output and exit status."""
        return run(*self.command(*arguments, before=before), check=False, **more)

    def call(self, *arguments: str, before: str = "", **more: Any) -> subprocess.CompletedProcess[str]:
        """Run a subcommand in a fork, which is as good and cheaper; returns its output and exit status."""
        return forks().run(self.code(*arguments, before=before), **more)

    def json(self, *arguments: str) -> Document:
        """Run a subcommand that must succeed; returns its JSON."""
        done = self.call(*arguments, "--json")
        if done.returncode:
            raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        document = json.loads(done.stdout.splitlines()[-1])
        assert isinstance(document, dict)
        return document

    def refused(self, *arguments: str, status: int = 1, before: str = "") -> str:
        """Run a subcommand that must be refused with one line; returns the line."""
        done = self.call(*arguments, before=before)
        lines = [line for line in done.stderr.splitlines() if line.startswith("ostree-release: ")]
        if done.returncode != status or len(lines) != 1 or "Traceback" in done.stderr:
            raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return lines[0]

    def refs(self, repository: Path | None = None) -> dict[str, str]:
        """Return the refs of a repository (prod)."""
        return dict(opened(repository or self.prod).list_refs(None, None)[1])

    def fsck(self) -> None:
        """Fail unless the ostree program finds prod whole, with every ref in its commit's binding."""
        run("ostree", f"--repo={self.prod}", "fsck", "--verify-bindings")
        partial = {path.name.partition(".")[0] for path in self.prod.glob("state/*.commitpartial")}
        assert not partial & set(self.refs().values()), partial

    def pull(self, ref: str, name: str = "prod", key: str = "prod") -> str:
        """Pull a ref into a new repository as a client does; returns the checksum."""
        with tempfile.TemporaryDirectory() as folder:
            client = OSTree.Repo.new(Gio.File.new_for_path(folder))
            client.create(OSTree.RepoMode.ARCHIVE, None)
            options = {
                "gpg-verify": GLib.Variant("b", True),
                "tls-ca-path": GLib.Variant("s", f"{self.top}/tls/ca.crt"),
            }
            url = f"https://localhost:{self.port}/base/{name}"
            client.remote_add("server", url, GLib.Variant("a{sv}", options), None)
            # As `ostree remote gpg-import` does, which starts a gpg-agent for it.
            shutil.copy(self.top / f"base/keys/{key}.gpg", Path(folder) / "server.trustedkeys.gpg")
            run("ostree", f"--repo={folder}", "pull", "server", ref)
            return str(client.resolve_rev(f"server:{ref}", False)[1])

    def note(self, entry: Document) -> None:
        """Append an entry to the journal as the program would."""
        Journal(self.state / "journal.jsonl", self.run).append(entry)

    def journal(self) -> list[Document]:
        """Return the journal's entries."""
        text = (self.state / "journal.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


def _exact(tree: Path, files: Mapping[str, File]) -> Any:
    """Put files into a tree; returns what makes libostree commit them exactly so."""
    for path, file in files.items():
        place = tree / path.lstrip("/")
        if file.directory:
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if file.link is None:
            place.write_bytes(file.content)
        else:
            place.symlink_to(file.link)

    def owned(_repo: Any, path: str, info: Any, *_: Any) -> Any:
        kind = stat.S_IFMT(info.get_attribute_uint32("unix::mode"))
        file = files.get(path, File(mode=0o755 if kind == stat.S_IFDIR else 0o644))
        info.set_attribute_uint32("unix::mode", kind | (0o777 if kind == stat.S_IFLNK else file.mode))
        info.set_attribute_uint32("unix::uid", file.uid)
        info.set_attribute_uint32("unix::gid", file.gid)
        return OSTree.RepoCommitFilterResult.ALLOW

    def attributes(_repo: Any, path: str, *_: Any) -> Any:
        found = files[path].xattrs if path in files else {}
        pairs = [(name.encode() + b"\0", value) for name, value in sorted(found.items())]
        return GLib.Variant("a(ayay)", pairs)

    flags = OSTree.RepoCommitModifierFlags
    if not files:
        return OSTree.RepoCommitModifier.new(flags.CANONICAL_PERMISSIONS, None)
    modifier = OSTree.RepoCommitModifier.new(flags.NONE, owned)
    modifier.set_xattr_callback(attributes)
    return modifier


def opened(path: Path) -> Any:
    """Return an open repository of libostree."""
    repo = OSTree.Repo.new(Gio.File.new_for_path(str(path)))
    repo.open(None)
    return repo


def metadata(version: str, packages: Mapping[str, str]) -> Any:
    """Return commit metadata with every kind of value that could be lost on the way."""
    pkglist = [(name, "0", *evr.split("-"), "x86_64") for name, evr in sorted(packages.items())]
    big_endian = GLib.Variant("t", 1764000000).byteswap()
    unusual = {
        "version": GLib.Variant("s", version),
        "rpmostree.inputhash": GLib.Variant("s", sha256(f"inputs of {version}".encode()).hexdigest()),
        "ostree.bootable": GLib.Variant("b", True),
        "ostree.linux": GLib.Variant("s", "6.14"),
        "rpmostree.rpmdb.pkglist": GLib.Variant("a(sssss)", pkglist),
        "rpmostree.rpmmd-repos": GLib.Variant(
            "aa{sv}", [{"id": GLib.Variant("s", "f"), "timestamp": big_endian}]
        ),
        "ostree.composefs.digest.v0": GLib.Variant("ay", bytes(range(32))),
        "test.empty": GLib.Variant("a{sv}", {}),
        "test.maybe": GLib.Variant("ms", None),
        "test.nested": GLib.Variant("(yv(ix))", (7, GLib.Variant("ad", [0.5]), (-1, 1 << 40))),
        "release.serial": GLib.Variant("s", "999"),
    }
    return GLib.Variant("a{sv}", unusual)


@functools.cache
def _prepared() -> Path:
    """Make what every server has, once: repositories, keys, certificates, files of state and locks."""
    top = Path(tempfile.mkdtemp(prefix="ostree-release-prepared-"))
    atexit.register(shutil.rmtree, top)
    top.chmod(0o755)
    make_certificates(top / "tls")
    for folder in ("base/keys", "run", *(f"state/{name}" for name in ("keys", "smoke", "anchors", "verify"))):
        (top / folder).mkdir(parents=True)
    for name in ("dev", "prod"):
        run("ostree", f"--repo={top / 'base' / name}", "init", "--mode=archive")
        _make_key(top, name)
        for kind in ("writer", "check", "objects"):
            (top / f"run/{name}.{kind}").touch()
        for kind in ("checks", "sbom"):
            (top / "state" / kind / name).mkdir(parents=True)
    (top / "run/journal").touch()
    (top / "state/journal.jsonl").touch()
    return top


def _make_key(top: Path, name: str) -> None:
    """Make a signing key and publish its public part; the agent stays for what the tests sign."""
    home = top / "state/keys" / name
    home.mkdir(mode=0o700)
    gpg = ("gpg", "--homedir", str(home), "--batch", "--quiet")
    run(*gpg, "--passphrase", "", "--quick-gen-key", f"{name}@images.test", "ed25519", "sign", "never")
    run(*gpg, "--yes", "--output", top / f"base/keys/{name}.gpg", "--export")
    atexit.register(run, "gpgconf", "--homedir", home, "--kill", "gpg-agent")


@functools.cache
def forks() -> Forks:
    """Return what runs the program that is tested, without starting it anew each time."""
    return Forks(zipapp())


@functools.cache
def zipapp() -> Path:
    """Build the program once; returns it unpacked and compiled, because it is started so often."""
    folder = tempfile.mkdtemp(prefix="ostree-release-test-")
    Path(folder).chmod(0o755)  # also for the user that owns prod in some tests
    atexit.register(shutil.rmtree, folder)
    output = Path(folder) / "ostree-release.pyz"
    run(
        *(sys.executable, "-m", "ostree_release.build", output),
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    unpacked = Path(folder) / "program"
    zipfile.ZipFile(output).extractall(unpacked)
    compileall.compile_dir(unpacked, quiet=1)
    return unpacked


def make_certificates(folder: Path, name: str = "localhost") -> None:
    """Make a CA and a server certificate for a name."""
    folder.mkdir(exist_ok=True)
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    new = ("openssl", "req", "-x509", *kind, "-nodes", "-days", "2")
    run(*new, "-subj", "/CN=test CA", "-keyout", folder / "ca.key", "-out", folder / "ca.crt")
    signed_by = ("-CA", folder / "ca.crt", "-CAkey", folder / "ca.key")
    run(
        *new, *signed_by, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
        "-addext", "basicConstraints=critical,CA:FALSE",
        "-keyout", folder / "server.key", "-out", folder / "server.crt",
    )  # fmt: skip


class ServerTest(unittest.TestCase):
    """A test with a server of its own."""

    def setUp(self) -> None:
        top = Path(tempfile.mkdtemp(prefix="ostree-release-server-"))
        self.addCleanup(shutil.rmtree, top)
        self.server = Server(top, serve(top, _prepared() / "tls"))

    def promote_new(self, version: str, **packages: str) -> Document:
        """Make a build and promote it."""
        self.server.build(version, packages or {"hello": f"{version}-1"})
        return self.server.json("promote")
