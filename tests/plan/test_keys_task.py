"""tasks/keys.py and promote.py --data sign=laptop through pyinfra's command line, on a fleet on paper."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.signing.keyring import fingerprints
from tests.command_output import answered, followed
from tests.plan.fleet import GONE, GOOD, HOME, NEW, PLAN, pyinfra, server, typed
from tests.unit.test_decisions import KEY

(OLD,) = fingerprints(KEY)
LATER = "AB" * 20


def key(fingerprint: str, **more: Any) -> dict[str, Any]:
    """One key as `ostree-release keys` lists it."""
    listed = {"fingerprint": fingerprint, "name": "", "expires": None, "usable": True, "in_use": False}
    return {**listed, "here": True, "unsigned": [], **more}


KEYS = {
    "environment": "prod",
    "signing": "server",
    "in_use": OLD,
    "keys": [key(OLD, in_use=True), key(LATER, unsigned=["44.1"])],
}
FLEET = {"good1": GOOD, "new1": NEW}


def answers(keys: dict[str, Any] = KEYS, **changes: dict[str, Any]) -> dict[str, Any]:
    """Answers of the server, with what it says after each change."""
    done = {f"ostree-release keys {action}": followed(result) for action, result in changes.items()}
    return {**done, "promoter keys": answered(keys), **server()}


def changed_keys(outcome: str, key: str, **more: Any) -> dict[str, Any]:
    """What `ostree-release keys` says of a change."""
    said = {"outcome": outcome, "environment": "prod", "key": key, "keys": [LATER]}
    return {**said, "next": {"task": "keys", "data": {}}, **more}


def test_who_trusts_what(tmp_path: Path) -> None:
    run = pyinfra(tmp_path, ["tasks/keys.py", "-y"], {**FLEET, "gone1": GONE}, answers())
    assert f"@fake/good1: trusts {OLD[-16:]}" in run.err
    assert "@fake/new1: not set up yet" in run.err
    assert "gone1: could not be asked" in run.err
    mending = f"{typed(tmp_path)} tasks/rebase.py -y --limit @fake/good1"
    assert f"@fake/good1 missed {LATER}: {mending}" in run.err
    assert "has not signed 44.1" in run.err


def test_use_names_who_misses_the_key(tmp_path: Path) -> None:
    used = changed_keys("used", LATER, signed=["44.1"])
    run = pyinfra(
        tmp_path, ["tasks/keys.py", "-y", "--data", f"use={LATER.lower()}"], FLEET, answers(use=used)
    )
    assert run.code == 0, run.err
    assert "Signed again: 44.1" in run.err
    assert f"Used: {LATER}; clients of prod are to trust {LATER}" in run.err
    assert "@fake/good1 do not trust it yet" in run.err
    assert f"Next: {typed(tmp_path)} tasks/rebase.py -y --limit @fake/good1" in run.err


def test_withdraw_leaves_nobody_behind(tmp_path: Path) -> None:
    keys = {**KEYS, "in_use": LATER, "keys": [key(OLD), key(LATER, in_use=True)]}
    withdrawn = changed_keys("withdrawn", OLD)
    arguments = ["tasks/keys.py", "-y", "--data", f"withdraw={OLD}"]
    for fleet, name in (({"good1": GOOD}, "@fake/good1"), ({"gone1": GONE}, "gone1")):
        run = pyinfra(tmp_path, arguments, fleet, answers(keys, withdraw=withdrawn))
        assert run.code == 1
        assert f"{name} may trust no other key than {OLD}" in run.err
        assert "Withdrawn" not in run.err
    forced = pyinfra(tmp_path, [*arguments, "--data", "force=yes"], FLEET, answers(keys, withdraw=withdrawn))
    assert f"Withdrawn: {OLD}" in forced.err
    assert pyinfra(tmp_path, arguments, {"new1": NEW}, answers(keys, withdraw=withdrawn)).code == 0


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    run = pyinfra(tmp_path, ["tasks/keys.py", "-y", "--data", "introduce=/nonexistent"], FLEET, answers())
    assert run.code == 1
    assert "/nonexistent: No such file" in run.err


def test_without_the_key_nothing_is_staged(tmp_path: Path) -> None:
    keys = {**KEYS, "in_use": LATER}
    run = pyinfra(tmp_path, ["promote.py", "-y", "--data", "sign=laptop"], FLEET, answers(keys))
    assert run.code == 1
    assert f"secret key {LATER}" in run.err or "gpg is not installed" in run.err
    assert "nothing was moved" in run.err
    assert "staging" not in run.err
    wrong = pyinfra(tmp_path, ["promote.py", "-y", "--data", "sign=server"], FLEET, answers(keys))
    assert "--data sign=server: must be laptop" in wrong.err


RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "recorded/release_commit.json").read_text(encoding="utf-8")
)


@pytest.fixture
def laptop(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A GNUPGHOME with one key; gives its fingerprint."""
    if not shutil.which("gpg"):
        pytest.skip("no gpg on this machine")
    with tempfile.TemporaryDirectory(prefix="laptop-") as home:  # short, because of the agent's socket
        monkeypatch.setenv("GNUPGHOME", home)
        make = ["--passphrase", "", "--quick-generate-key", "laptop", "ed25519", "sign", "never"]
        subprocess.run(["gpg", "--batch", "--quiet", *make], check=True)
        yield fingerprints(subprocess.run(["gpg", "--export"], check=True, capture_output=True).stdout)[0]
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], check=False)


def signing_server(fingerprint: str, plan: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """Answers of a server whose key in use is on the laptop."""
    keys = {**KEYS, "in_use": fingerprint, "keys": [key(fingerprint, in_use=True, here=False)]}
    asked = {
        "environment": "prod",
        "version": RECORDED["version"],
        "checksum": RECORDED["checksum"],
        "commit": RECORDED["commit"],
        "build_commit": RECORDED["build"],
        "serial": int(RECORDED["serial"]),
        "build": RECORDED["build_checksum"],
        "parent": {"checksum": RECORDED["parent"], "version": "44.1"},
        "bindings": RECORDED["bindings"],
        "key": fingerprint,
        "signatures": [],
        "timestamp": 1795000000,
        "packages": PLAN["packages"],
        "next": {"task": "promote", "data": {"sign": "laptop"}},
        **request,
    }
    return {
        "--request": followed(asked),
        "--attach": followed({"outcome": "signed"}),
        "promoter stage": followed({"outcome": "staged"}),
        "promoter check": followed({"outcome": "checked"}),
        **answers(keys),
        "--plan": answered(plan),
    }


def planned(**changes: Any) -> dict[str, Any]:
    """The plan that the recorded commit is the release of."""
    version = RECORDED["version"]
    to = {"version": version, "checksum": None}
    moves = [{"ref": f"{HOME}/{name}", "from": None, "to": to} for name in (f"releases/{version}", "pilot")]
    release = {"version": version, "serial": int(RECORDED["serial"]), "checksum": None}
    build = {"version": version, "checksum": RECORDED["build_checksum"], "timestamp": 1795000000}
    return {**PLAN, "build": build, "release": release, "moves": moves, **changes}


def test_a_release_is_read_and_signed_on_this_machine(tmp_path: Path, laptop: str) -> None:
    servers = signing_server(laptop, planned(), {})
    dry = pyinfra(tmp_path, ["promote.py", "--dry", "--data", "sign=laptop"], FLEET, servers)
    assert f"44.2 is signed on this machine, with {laptop}" in dry.err
    run = pyinfra(tmp_path, ["promote.py", "-y", "--data", "sign=laptop"], FLEET, servers)
    assert run.code == 0, run.err
    assert f"commit {RECORDED['checksum']}" in run.err
    assert "the same tree as build" in run.err
    assert f"Signing with {laptop} on this machine" in run.err
    assert "prod has now" in run.err
    signed = signing_server(laptop, planned(), {"signatures": [laptop]})
    run = pyinfra(tmp_path, ["promote.py", "-y", "--data", "sign=laptop"], FLEET, signed)
    assert f"44.2 is signed with {laptop} already" in run.err


def test_what_is_not_what_was_shown_is_not_signed(tmp_path: Path, laptop: str) -> None:
    release = {"version": "44.2", "serial": 7, "checksum": None}
    for plan, request, words in (
        (planned(release=release), {}, "serial 2, not 7"),
        (planned(build={"version": "44.2", "checksum": "f" * 64}), {}, f"not {'f' * 64}"),
        (planned(), {"checksum": "0" * 64}, f"checksum {RECORDED['checksum']}, not {'0' * 64}"),
        (planned(), {"commit": RECORDED["build"]}, "bindings none, not"),
        (planned(), {"commit": "AAAA"}, "is no release"),
        (planned(), {"build_commit": RECORDED["commit"]}, "but the bytes of"),
    ):
        run = pyinfra(
            tmp_path,
            ["promote.py", "-y", "--data", "sign=laptop"],
            FLEET,
            signing_server(laptop, plan, request),
        )
        assert run.code == 1
        assert words in run.err
        assert "nothing was signed" in run.err
        assert "Signing with" not in run.err
        assert "prod has now" not in run.err
