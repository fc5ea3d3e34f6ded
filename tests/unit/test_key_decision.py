"""What deploy.py does about a signing key: every state of a server, met by every kind of settings."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyinfra.context import ctx_host

from tasks.facts.signing_keys import KeyState, SigningKeys
from tasks.operations.key_decision import KeyRefused, SigningKey, Step, decide
from tasks.server import signing
from tasks.signing.keyring import PrimaryKey

KEY = SigningKey("prod", "/k/prod", "ostree-prod", "/srv/prod.gpg", "/t/prod", "label")
A, B, OLD = "A" * 40, "B" * 40, "D" * 40


def state(
    secret: str = "",
    trusted: str = "",
    in_use: str | None = None,
    withdrawn: str = "",
    published: bool = True,
) -> KeyState:
    keys = {"a": A, "b": B, "d": OLD}
    return KeyState(
        secret=[keys[each] for each in secret],
        trusted=[keys[each] for each in trusted],
        in_use=keys[in_use] if in_use else None,
        withdrawn=[keys[each] for each in withdrawn],
        published=published and bool(trusted),
    )


STATES = {
    "bare": state(),
    "made, and stopped before it was trusted": state("a"),
    "one key": state("a", "a"),
    "one key, changed by hand where it is published": state("a", "a", published=False),
    "its key is lost": state("", "a"),
    "another is introduced, on the server": state("ab", "ab", "a"),
    "another is introduced, elsewhere": state("a", "ab", "a"),
    "stopped while another was introduced": state("ab", "a", "a"),
    "another is used": state("ab", "ab", "b"),
    "another, elsewhere, is used": state("a", "ab", "b"),
    "the old one is withdrawn": state("b", "b", "b", "a"),
    "the old one is withdrawn, the other is elsewhere": state("", "b", "b", "a"),
    "stopped while the old one was withdrawn": state("ab", "b", "b", "a"),
    "withdrawn, and a backup brought the old one back": state("a", "b", "b", "a"),
    "two are trusted, and which is in use was lost": state("ab", "ab"),
    "two are trusted, elsewhere, and which is in use was lost": state("", "ab"),
}
# What each kind of settings does: the server's own key, A's file, B's file, the file of another one, and with
# offline signing A's or B's public part.
N, P, M, T, X = Step.NOTHING, Step.PUBLISH, Step.MAKE, Step.TRUST, None
BRING, BACK, PUBLIC = Step.BRING, Step.GIVE_BACK, Step.TRUST_GIVEN
SETTINGS = ("own", "a", "b", "d", "offline a", "offline b")
TABLE = {
    "bare": (M, BRING, BRING, BRING, PUBLIC, PUBLIC),
    "made, and stopped before it was trusted": (T, BRING, BRING, BRING, X, X),
    "one key": (N, N, X, X, X, X),
    "one key, changed by hand where it is published": (P, P, X, X, X, X),
    "its key is lost": (X, BACK, X, X, N, N),
    "another is introduced, on the server": (N, N, N, X, X, X),
    "another is introduced, elsewhere": (N, N, X, X, X, X),
    "stopped while another was introduced": (N, N, X, X, X, X),
    "another is used": (N, N, N, X, X, X),
    "another, elsewhere, is used": (N, N, BACK, X, X, X),
    "the old one is withdrawn": (N, X, N, X, X, X),
    "the old one is withdrawn, the other is elsewhere": (X, X, BACK, X, N, N),
    "stopped while the old one was withdrawn": (N, X, N, X, X, X),
    "withdrawn, and a backup brought the old one back": (N, X, BACK, X, X, X),
    "two are trusted, and which is in use was lost": (N, N, N, X, X, X),
    "two are trusted, elsewhere, and which is in use was lost": (X, X, X, X, N, N),
}


def given(settings: str) -> tuple[SigningKey, list[PrimaryKey]]:
    """Return the settings' key, and what its file holds."""
    if settings == "own":
        return KEY, []
    offline, name = settings.startswith("offline"), settings[-1]
    fingerprint = {"a": A, "b": B, "d": OLD}[name]
    return replace(KEY, source=f"{name}.asc", offline=offline), [PrimaryKey(fingerprint, secret=not offline)]


def test_every_state_is_in_the_table() -> None:
    assert STATES.keys() == TABLE.keys()


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", STATES)
def test_every_state_met_by_all_settings(name: str, settings: str) -> None:
    key, keys = given(settings)
    wanted = TABLE[name][SETTINGS.index(settings)]
    if wanted is not None:
        assert decide(key, keys, STATES[name]) is wanted
        return
    with pytest.raises(KeyRefused) as refused:
        decide(key, keys, STATES[name])
    line = str(refused.value)
    assert "tasks/keys.py" in line
    assert "to=prod" in line
    assert "\n" not in line


def test_a_refusal_says_what_to_type() -> None:
    def refusal(settings: str, name: str) -> str:
        with pytest.raises(KeyRefused) as refused:
            decide(*given(settings), STATES[name])
        return str(refused.value)

    task = "pyinfra INVENTORY tasks/keys.py -y --data to=prod"
    mend = "name the file of the key in use as signing_key, or leave signing_key out"
    assert refusal("a", "the old one is withdrawn") == (
        f"prod: a.asc holds {A}, which was withdrawn, and {B} is in use: {mend}; a new key comes with "
        f"{task} --data introduce=new"
    )
    assert refusal("d", "one key") == (
        f"prod: d.asc holds {OLD}, which clients do not trust, and {A} is in use: if it is a new key, "
        f"{task} --data introduce=d.asc; else {mend}"
    )
    assert refusal("b", "another is introduced, elsewhere") == (
        f"prod: b.asc holds {B}, which clients trust, but {A} is in use: bring it with "
        f"{task} --data introduce=b.asc, and use it; else {mend}"
    )
    assert f"{A}, {B} are trusted" in refusal("a", "two are trusted, elsewhere, and which is in use was lost")
    assert f"{task} --data introduce=new" in refusal("own", "its key is lost")


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [PrimaryKey(A)],
        [PrimaryKey(A, secret=True, locked=True)],
        [PrimaryKey(A, secret=True), PrimaryKey(B, secret=True)],
    ],
    ids=["no export", "public", "with a passphrase", "two"],
)
@pytest.mark.parametrize("name", STATES)
def test_what_cannot_sign_unattended_is_never_brought(name: str, keys: list[PrimaryKey]) -> None:
    with pytest.raises(KeyRefused, match=r"^a\.asc: must be an exported secret key without passphrase"):
        decide(replace(KEY, source="a.asc"), keys, STATES[name])


def test_a_deploy_is_refused_before_anything_is_changed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """deploy.py asks at its beginning, for all environments at once; what is in order is no reason."""
    file = tmp_path / "a.asc"
    file.touch()
    keys = [
        KEY,
        replace(KEY, environment="qa", source=str(file)),
        replace(KEY, environment="desk", offline=True, source=str(file)),
    ]
    states = {"prod": STATES["one key"], "qa": STATES["one key"], "desk": STATES["one key"]}

    class Server:
        def get_fact(self, fact: object, homes: dict[str, list[str]]) -> dict[str, KeyState]:
            assert homes["prod"] == [KEY.home, KEY.owner, KEY.public, KEY.trusted]
            return states

    def check() -> None:
        settings: Any = None
        with ctx_host.use(Server()):
            signing.check_signing_keys("images", settings)

    monkeypatch.setattr(signing, "_keys", lambda _: keys)
    with pytest.raises(SystemExit) as refused:
        check()
    qa, desk = str(refused.value).split("\n")
    assert qa == f"images: {file}: must be an exported secret key without passphrase; nothing was changed"
    assert desk.startswith("images: desk is signed offline, but /k/prod has the secret part of ")
    monkeypatch.setattr(signing, "_keys", lambda _: keys[:1])
    check()
    # Set up anew from a backup: what clients trust is known, and the keys can be read when gpg is installed.
    states["prod"] = replace(STATES["one key"], secret=[], unread=True)
    check()


@pytest.mark.parametrize(
    ("missing", "secret", "unread"), [("gpg", True, True), ("id", True, True), ("id", False, False)]
)
def test_keys_that_lie_there_before_gpg_and_their_owner_are_not_lost_ones(
    tmp_path: Path, missing: str, secret: bool, unread: bool
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in {"ls", "sed", "base64", "sha256sum", "id", "sh"} - {missing}:
        (programs / name).symlink_to(shutil.which(name) or name)
    folder = tmp_path / "home/private-keys-v1.d"
    folder.mkdir(parents=True)
    if secret:
        (folder / "GRIP.key").touch()
    homes = {"prod": [str(tmp_path / "home"), "root", str(tmp_path / "public"), str(tmp_path / "trusted")]}
    command = SigningKeys().command(homes).get_raw_value()
    done = subprocess.run(
        ["/bin/sh", "-c", command], env={"PATH": str(programs)}, capture_output=True, text=True, check=True
    )
    assert SigningKeys().process(done.stdout.splitlines()) == {"prod": KeyState(unread=unread)}
