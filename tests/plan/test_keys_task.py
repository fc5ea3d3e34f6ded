"""tasks/keys.py and promote.py --data sign=laptop through pyinfra's command line, on a fleet on paper."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tasks.client.keyring import fingerprints
from tests.plan.fleet import GONE, GOOD, NEW, pyinfra, server
from tests.unit.test_follow import KEY

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
    said = {f"ostree-release keys {action}": json.dumps(result) for action, result in changes.items()}
    return {**said, "promoter keys": json.dumps(keys), **server()}


def test_who_trusts_what(tmp_path: Path) -> None:
    run = pyinfra(tmp_path, ["tasks/keys.py", "-y"], {**FLEET, "gone1": GONE}, answers())
    assert f"@fake/good1: trusts {OLD[-16:]}" in run.err
    assert "@fake/new1: not set up yet" in run.err
    assert "gone1: could not be asked" in run.err
    mending = "pyinfra INVENTORY tasks/rebase.py -y --limit @fake/good1"
    assert f"@fake/good1 missed {LATER}: {mending}" in run.err
    assert "has not signed 44.1" in run.err


def test_use_names_who_misses_the_key(tmp_path: Path) -> None:
    used = {"outcome": "used", "key": LATER, "signed": ["44.1"], "next": "pyinfra INVENTORY tasks/keys.py -y"}
    run = pyinfra(
        tmp_path, ["tasks/keys.py", "-y", "--data", f"use={LATER.lower()}"], FLEET, answers(use=used)
    )
    assert run.code == 0, run.err
    assert "signed again: 44.1" in run.err
    assert f"prod: used {LATER}; @fake/good1 do not trust it yet. Next: pyinfra INVENTORY" in run.err


def test_withdraw_leaves_nobody_behind(tmp_path: Path) -> None:
    keys = {**KEYS, "in_use": LATER, "keys": [key(OLD), key(LATER, in_use=True)]}
    withdrawn = {"outcome": "withdrawn", "key": OLD, "next": "pyinfra INVENTORY tasks/rebase.py -y"}
    arguments = ["tasks/keys.py", "-y", "--data", f"withdraw={OLD}"]
    for fleet, name in (({"good1": GOOD}, "@fake/good1"), ({"gone1": GONE}, "gone1")):
        run = pyinfra(tmp_path, arguments, fleet, answers(keys, withdraw=withdrawn))
        assert run.code == 1
        assert f"{name} may trust no other key than {OLD}" in run.err
        assert "withdrawn" not in run.err
    forced = pyinfra(tmp_path, [*arguments, "--data", "force=yes"], FLEET, answers(keys, withdraw=withdrawn))
    assert f"prod: withdrawn {OLD}" in forced.err
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
