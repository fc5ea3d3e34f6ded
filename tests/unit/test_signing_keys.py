"""The script of signing_keys.present, run with the real gpg on keys of its own; and what is told of keys."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pyinfra.context import ctx_host, ctx_state
from pyinfra_testing.util import FakeState, create_host

from tasks.facts.signing_keys import KeyState, SigningKeys
from tasks.operations import signing_keys
from tasks.operations.key_decision import SigningKey
from tasks.signing.keyring import PrimaryKey, dearmored, fingerprints, primary_keys

pytestmark = pytest.mark.skipif(not shutil.which("gpg"), reason="no gpg on this machine")

OWNER = pwd.getpwuid(os.getuid()).pw_name
RUNUSER = '#!/bin/sh\n[ "$1 $2 $3" = "-u $OWNER --" ] || exit 9\nshift 3; exec "$@"\n'


class Server:
    """A server whose keys lie in a folder; its one fact is read by the fact's own command."""

    print_prefix = ""
    noop_description: str | None = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = SigningKey(
            "prod", f"{folder}/home", OWNER, f"{folder}/prod.gpg", f"{folder}/trusted", "me"
        )
        runuser = folder / "bin/runuser"
        runuser.parent.mkdir()
        runuser.write_text(RUNUSER)
        runuser.chmod(0o755)

    def run(self, script: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        path = f"{self.folder}/bin:{os.environ['PATH']}"
        return subprocess.run(
            ["sh", "-c", script],
            env={**os.environ, "PATH": path, "OWNER": OWNER},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            umask=0o022,
        )

    def get_fact(self, fact: type[SigningKeys], **arguments: Any) -> Any:
        return fact().process(self.run(fact().command(**arguments).get_raw_value()).stdout.splitlines())

    def noop(self, description: str) -> None:
        self.noop_description = description

    @property
    def found(self) -> KeyState:
        """How the keys of prod stand."""
        homes = {"prod": [self.key.home, self.key.owner, self.key.public, self.key.trusted]}
        states: dict[str, KeyState] = self.get_fact(SigningKeys, homes=homes)
        return states["prod"]

    def present(self, key: SigningKey | None = None) -> subprocess.CompletedProcess[str] | None:
        """Run the operation as pyinfra would; None: nothing had to be done."""
        state = FakeState()
        with ctx_state.use(state), ctx_host.use(create_host(state, facts={})), ctx_host.use(self):
            commands = list(signing_keys.present._inner([key or self.key]))
        if not commands:
            return None
        (command,) = commands
        return self.run(command.get_raw_value(), command.connector_arguments.get("_stdin", ""))

    def done(self, key: SigningKey | None = None) -> KeyState:
        """Run the operation, which must succeed and leave nothing to do; return how the keys stand."""
        ended = self.present(key)
        assert ended is not None
        assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
        assert self.present(key) is None
        return self.found

    def refused(self, key: SigningKey | None = None) -> str:
        """Run the operation, which must fail; return what it says."""
        ended = self.present(key)
        assert ended is not None
        assert (ended.returncode, ended.stdout) == (1, "")
        return ended.stderr


@pytest.fixture
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="keys-") as folder:  # short, because of the agent's sockets
        yield Server(Path(folder))


@pytest.fixture
def laptop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="laptop-") as folder:
        monkeypatch.setenv("GNUPGHOME", folder)
        # Else gpg-agent measures for two seconds how often it can hash a passphrase.
        Path(folder, "gpg-agent.conf").write_text("s2k-count 65536\n")
        yield Path(folder)
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], check=False)


class Exported(NamedTuple):
    """A key that somebody brings along: its file, and what gpg calls it."""

    file: str
    fingerprint: str


def exported(laptop: Path, name: str, passphrase: str = "", secret: bool = True) -> Exported:
    """Make a key on the laptop and export it, with its secret part or without."""
    gpg = ("gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", passphrase)
    subprocess.run([*gpg, "--quick-generate-key", name, "ed25519", "sign", "never"], check=True)
    public = subprocess.run([*gpg, "--export", name], check=True, capture_output=True).stdout
    file = laptop / f"{name}.asc"
    how = "--export-secret-keys" if secret else "--export"
    subprocess.run([*gpg, "--armor", "--output", file, how, name], check=True)
    return Exported(str(file), fingerprints(public)[0])


def test_a_key_is_made_once_and_published(server: Server) -> None:
    found = server.done()
    assert found.secret == found.trusted == fingerprints(Path(server.key.public).read_bytes())
    assert len(found.secret) == 1
    assert (found.published, found.in_use, found.withdrawn) == (True, None, [])
    modes = {path: stat.S_IMODE(Path(path).stat().st_mode) for path in (server.key.home, server.key.public)}
    assert modes == {server.key.home: 0o700, server.key.public: 0o644}


def test_what_is_published_is_what_is_kept(server: Server, laptop: Path) -> None:
    mine = exported(laptop, "mine")
    server.done(replace(server.key, source=mine.file))
    Path(server.key.public).write_bytes(b"another key")
    assert server.done().trusted == [mine.fingerprint]
    assert fingerprints(Path(server.key.public).read_bytes()) == [mine.fingerprint]


def test_a_lost_key_is_never_made_anew_unasked(server: Server, laptop: Path) -> None:
    server.done(replace(server.key, source=exported(laptop, "mine").file))
    shutil.rmtree(server.key.home)
    assert "there is no key to sign with: bring" in server.refused()
    assert not Path(server.key.home).exists()
    Path(f"{server.key.trusted}.gpg").unlink()  # published it was all the same
    assert "there is no key to sign with: bring" in server.refused()


def test_a_key_that_is_brought_along_takes_the_place_of_one_that_nobody_trusts(
    server: Server, laptop: Path
) -> None:
    server.done()
    for file in (server.key.public, f"{server.key.trusted}.gpg"):  # a deploy that was stopped before these
        Path(file).unlink()
    mine = exported(laptop, "mine")
    found = server.done(replace(server.key, source=mine.file))
    assert found.secret == found.trusted == [mine.fingerprint]
    assert found.published
    (aside,) = server.folder.glob("home.replaced-*")
    assert len(list((aside / "private-keys-v1.d").iterdir())) == 1, "the key before is kept"


def rotated(server: Server, old: Exported, new: Exported, withdraw: bool) -> None:
    """Let one key take over from another, as `ostree-release keys` leaves it."""
    gpg = ["gpg", "--homedir", server.key.home, "--batch", "--quiet", "--pinentry-mode", "loopback"]
    unattended = [*gpg, "--passphrase", "", "--yes"]
    subprocess.run([*unattended, "--import", new.file], check=True)
    if withdraw:
        withdrawn = subprocess.run([*gpg, "--export", old.fingerprint], check=True, capture_output=True)
        Path(f"{server.key.trusted}.withdrawn.gpg").write_bytes(withdrawn.stdout)
        subprocess.run([*unattended, "--delete-secret-and-public-key", old.fingerprint], check=True)
    subprocess.run(["gpgconf", "--homedir", server.key.home, "--kill", "gpg-agent"], check=True)
    both = subprocess.run([*gpg, "--export"], check=True, capture_output=True).stdout
    for file in (server.key.public, f"{server.key.trusted}.gpg"):
        Path(file).write_bytes(both)
    Path(f"{server.key.trusted}.in-use").write_text(f"{new.fingerprint}\n")


@pytest.mark.parametrize("withdraw", [True, False], ids=["withdrawn", "still trusted"])
def test_old_settings_undo_no_rotation(server: Server, laptop: Path, withdraw: bool) -> None:
    old, new = exported(laptop, "old"), exported(laptop, "new")
    settings = replace(server.key, source=old.file)
    server.done(settings)
    rotated(server, old, new, withdraw)
    before = server.found
    assert before.in_use == new.fingerprint
    if withdraw:
        assert f"{old.file} holds {old.fingerprint}, which was withdrawn" in server.refused(settings)
    else:
        assert server.present(settings) is None
    assert server.found == before
    assert not list(server.folder.glob("home.*"))
    assert server.present(replace(server.key, source=new.file)) is None
    assert server.present() is None


def test_the_key_in_use_comes_back_beside_what_is_there(server: Server, laptop: Path) -> None:
    old, new = exported(laptop, "old"), exported(laptop, "new")
    server.done(replace(server.key, source=old.file))
    rotated(server, old, new, withdraw=False)
    kept = server.found
    (lost,) = [
        line.split(":")[9]
        for line in subprocess.run(
            [
                "gpg",
                "--homedir",
                server.key.home,
                "--with-colons",
                "--with-keygrip",
                "--list-keys",
                new.fingerprint,
            ],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.splitlines()
        if line.startswith("grp")
    ]
    Path(server.key.home, f"private-keys-v1.d/{lost}.key").unlink()
    assert server.found.secret == [old.fingerprint]
    assert server.done(replace(server.key, source=new.file)) == kept


def test_what_is_no_secret_key_without_passphrase_is_refused_and_changes_nothing(
    server: Server, laptop: Path
) -> None:
    kept = server.done(replace(server.key, source=exported(laptop, "mine").file))
    locked = exported(laptop, "locked", passphrase="secret")
    public = exported(laptop, "public", secret=False)
    for each in (locked, public):
        reason = "must be an exported secret key without passphrase; nothing was changed"
        assert server.refused(replace(server.key, source=each.file)) == f"{each.file}: {reason}\n"
        assert server.found == kept
        assert not list(server.folder.glob("home.*"))


def test_the_public_part_of_an_offline_key_is_published_and_nothing_else(
    server: Server, laptop: Path
) -> None:
    mine = exported(laptop, "mine", secret=False)
    found = server.done(replace(server.key, source=mine.file, offline=True))
    assert (found.secret, found.trusted, found.published) == ([], [mine.fingerprint], True)
    assert not Path(server.key.home).exists()


def test_what_was_published_before_trust_was_kept_stays(server: Server, laptop: Path) -> None:
    before, later = (exported(laptop, name, secret=False) for name in ("before", "later"))
    Path(server.key.public).write_bytes(dearmored(Path(before.file).read_bytes()))
    found = server.done(replace(server.key, source=later.file, offline=True))
    assert found.trusted == [before.fingerprint]


def told(monkeypatch: pytest.MonkeyPatch, key: SigningKey, found: KeyState) -> list[str]:
    """Return the lines that are told while pyinfra executes."""
    lines: list[str] = []
    state, host = FakeState(), create_host(FakeState(), facts={})
    state.is_executing = True
    monkeypatch.setattr(host, "get_fact", lambda *_, **__: {"prod": found})
    for name in ("tell", "warn"):
        monkeypatch.setattr(signing_keys, name, lines.append)
    with ctx_state.use(state), ctx_host.use(host):
        assert list(signing_keys.told._inner([key], "tar …")) == []
    return lines


def test_keys_are_told_with_the_command_that_backs_them_up(monkeypatch: pytest.MonkeyPatch) -> None:
    key = SigningKey("prod", "/home", "owner", "/public", "/trusted", "label")
    backup = "Back up the keys, they cannot be made again: tar …"
    assert told(monkeypatch, key, KeyState(trusted=["AB", "CD"], in_use="CD")) == [
        "prod: signing key CD",
        "prod: AB is trusted too",
        backup,
    ]
    assert told(monkeypatch, key, KeyState()) == ["prod: signing key none yet", backup]


def test_an_offline_key_that_clients_are_not_given_is_told_with_what_introduces_it(
    monkeypatch: pytest.MonkeyPatch, laptop: Path
) -> None:
    mine = exported(laptop, "my key", secret=False)
    key = SigningKey("prod", "/h", "owner", "/public", "/trusted", "label", source=mine.file, offline=True)
    good = told(monkeypatch, key, KeyState(trusted=[mine.fingerprint]))
    assert good[:-1] == [f"prod: signed offline with {mine.fingerprint}"]
    first, warning, _ = told(monkeypatch, key, KeyState(trusted=["AB"]))
    assert first == "prod: signed offline with AB"
    assert warning.startswith(f"prod: {mine.file} holds {mine.fingerprint}, which is not published: ")
    assert f"tasks/keys.py -y --data to=prod --data 'introduce={mine.file}'; else" in warning


@pytest.mark.parametrize("algorithm", ["rsa2048", "dsa1024", "ed25519", "ed448", "nistp256", "secp256k1"])
@pytest.mark.parametrize("passphrase", ["", "secret"])
def test_what_an_export_holds_is_read_as_gpg_reads_it(laptop: Path, algorithm: str, passphrase: str) -> None:
    gpg = ["gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", passphrase]
    made = subprocess.run([*gpg, "--quick-generate-key", "me", algorithm, "sign", "never"], check=False)
    if made.returncode:
        pytest.skip(f"this gpg makes no key of {algorithm}")
    listing = subprocess.run(
        [*gpg, "--with-colons", "--list-keys"], check=True, capture_output=True, text=True
    ).stdout
    (fingerprint,) = [line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr")]
    if len(fingerprint) != 40:
        pytest.skip(f"this gpg makes keys of {algorithm} in a version that libostree does not know")
    for how, key in (
        ("--export", PrimaryKey(fingerprint)),
        ("--export-secret-keys", PrimaryKey(fingerprint, secret=True, locked=passphrase != "")),
    ):
        for armor in ((), ("--armor",)):
            data = subprocess.run([*gpg, *armor, how], check=True, capture_output=True).stdout
            assert primary_keys(dearmored(data)) == [key]
    whole = subprocess.run([*gpg, "--export-secret-keys"], check=True, capture_output=True).stdout
    for length in range(1, 40):
        with pytest.raises(ValueError, match=r"."):
            primary_keys(whole[:length])
