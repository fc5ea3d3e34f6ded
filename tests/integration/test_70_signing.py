"""A release signed on the laptop, and one key taking over from another while a client misses it."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import newest_build, release
from tests.integration.driver import Lab, changed_operations

BASE = "/srv/ostree/rpm-ostree"
SHOW = "ostree --repo={base}/{environment} show {checksum}"


@pytest.fixture
def laptop() -> Iterator[dict[str, str]]:
    """A GNUPGHOME of its own on this machine, with one key; gives the key, its file and the home."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as home:  # short, because of the agent's socket
        gpg = ["gpg", "--homedir", home, "--batch", "--quiet"]
        make = ["--passphrase", "", "--quick-generate-key", "laptop@example.org", "ed25519", "sign", "never"]
        subprocess.run([*gpg, *make], check=True)
        listing = subprocess.run(
            [*gpg, "--with-colons", "--list-keys"], check=True, capture_output=True, text=True
        ).stdout
        file = f"{home}/public.asc"
        subprocess.run([*gpg, "--armor", "--output", file, "--export"], check=True)
        yield {
            "home": home,
            "file": file,
            "key": next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr")),
        }
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "gpg-agent"], check=False)


def desk(file: str) -> tuple[str, str]:
    """Return the arguments that declare an environment which is signed offline."""
    declared = {
        "promotes_from": "dev",
        "rings": ["desks"],
        "signing": "offline",
        "signing_key": file,
        "gates": {"soak": False},
    }
    return "--data", f"ostree_environment_desk={json.dumps(declared)}"


def test_a_release_is_signed_on_the_laptop(
    deployed: Lab, first_build: dict[str, Any], laptop: dict[str, str]
) -> None:
    data = desk(laptop["file"])
    deployed.pyinfra("deploy.py", "-y", *data)
    assert changed_operations(deployed.pyinfra("deploy.py", "-y", "--json", *data)) == []
    to = ("--data", "to=desk", *data)
    unsigned = deployed.pyinfra("promote.py", "-y", *to, check=False)
    assert unsigned.code == 1
    assert "not signed yet: " in unsigned.text
    assert f"needs a signature by {laptop['key']}, which is not on this server" in unsigned.text
    none = deployed.pyinfra(
        "promote.py", "-y", *to, "--data", "sign=laptop", check=False, GNUPGHOME="/var/empty"
    )
    assert none.code == 1
    assert f"no secret key {laptop['key']}" in none.text
    plan = deployed.pyinfra("promote.py", "--dry", *to, "--data", "sign=laptop", GNUPGHOME=laptop["home"])
    assert f"is signed on this machine, with {laptop['key']}" in plan.text
    assert release(deployed, "status")["environments"]["desk"]["rings"][0]["release"] is None

    deployed.pyinfra("promote.py", "-y", *to, "--data", "sign=laptop", GNUPGHOME=laptop["home"])
    (ring,) = release(deployed, "status")["environments"]["desk"]["rings"]
    assert ring["release"]["version"] == newest_build(deployed)["version"]
    shown = deployed.server(SHOW.format(base=BASE, environment="desk", checksum=ring["release"]["checksum"]))
    assert f"key ID {laptop['key'][-16:]}" in shown.out
    (grip,) = [path.stem for path in Path(laptop["home"], "private-keys-v1.d").glob("*.key")]
    assert deployed.server(f"find / -xdev -name '{grip}*'").out == ""
    assert "desk" not in deployed.server("ls /var/lib/ostree-release/keys").out.split()
    signed = [entry for entry in release(deployed, "log")["entries"] if entry["event"] == "signed"]
    assert signed[-1]["key"] == laptop["key"]
    deployed.pyinfra("deploy.py", "-y")


def test_one_key_takes_over_and_a_client_misses_it(followed: Lab) -> None:
    def keys(*arguments: str, code: int = 0) -> str:
        result = followed.pyinfra("tasks/keys.py", "-y", *arguments, check=False)
        assert result.code == code, result.text
        return result.text

    (old,) = [key["fingerprint"] for key in release(followed, "keys")["keys"]]
    keys("--data", "introduce=new")
    (new,) = [each["fingerprint"] for each in release(followed, "keys")["keys"] if not each["in_use"]]
    followed.pyinfra("tasks/rebase.py", "-y", "--limit", "pilot1")
    assert f"stable1 missed {new}: pyinfra INVENTORY tasks/rebase.py -y --limit stable1" in keys()
    assert "stable1 do not trust it yet" in keys("--data", f"use={new}")
    tip = release(followed, "status")["environments"]["prod"]["rings"][-1]["release"]["checksum"]
    assert followed.server(SHOW.format(base=BASE, environment="prod", checksum=tip)).out.count("key ID") == 2
    followed.pyinfra("tasks/upgrade.py", "-y", "--limit", "stable1")  # not locked out

    refused = keys("--data", f"withdraw={old}", code=1)
    assert f"stable1 may trust no other key than {old}" in refused
    assert "pilot1 may" not in refused
    followed.pyinfra("tasks/rebase.py", "-y", "--limit", "stable1")
    keys("--data", f"withdraw={old}")
    assert [key["fingerprint"] for key in release(followed, "keys")["keys"]] == [new]
    assert changed_operations(followed.pyinfra("deploy.py", "-y", "--json")) == []
    served = followed.server(f"gpg --batch --homedir $(mktemp -d) --show-keys {BASE}/keys/prod.gpg").out
    assert new in served
    assert old not in served
    followed.pyinfra("tasks/rebase.py", "-y")
    followed.pyinfra("tasks/upgrade.py", "-y", "--limit", "stable1")
