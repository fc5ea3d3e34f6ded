"""A release signed on the laptop, with a key that the server never sees."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.driver import Lab, changed_operations

STATION = "composed"

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


def test_a_release_is_signed_on_the_laptop(lab: Lab, laptop: dict[str, str]) -> None:
    data = desk(laptop["file"])
    lab.pyinfra("deploy.py", "-y", *data)
    assert changed_operations(lab.pyinfra("deploy.py", "-y", "--json", *data)) == []
    to = ("--data", "to=desk", *data)
    unsigned = lab.pyinfra("promote.py", "-y", *to, check=False)
    assert unsigned.code == 1
    assert "not signed yet: " in unsigned.text
    assert f"needs a signature by {laptop['key']}, which is not on this server" in unsigned.text
    none = lab.pyinfra("promote.py", "-y", *to, "--data", "sign=laptop", check=False, GNUPGHOME="/var/empty")
    assert none.code == 1
    assert f"no secret key {laptop['key']}" in none.text
    plan = lab.pyinfra("promote.py", "--dry", *to, "--data", "sign=laptop", GNUPGHOME=laptop["home"])
    assert f"is signed on this machine, with {laptop['key']}" in plan.text
    assert lab.ask("status")["environments"]["desk"]["rings"][0]["release"] is None

    lab.pyinfra("promote.py", "-y", *to, "--data", "sign=laptop", GNUPGHOME=laptop["home"])
    (ring,) = lab.ask("status")["environments"]["desk"]["rings"]
    assert ring["release"]["version"] == lab.newest_build()["version"]
    shown = lab.server(SHOW.format(base=BASE, environment="desk", checksum=ring["release"]["checksum"]))
    assert f"key ID {laptop['key'][-16:]}" in shown.out
    (grip,) = [path.stem for path in Path(laptop["home"], "private-keys-v1.d").glob("*.key")]
    assert lab.server(f"find / -path /proc -prune -o -name '{grip}*' -print").out == ""
    assert "desk" not in lab.server("ls /var/lib/ostree-release/keys").out.split()
    signed = [entry for entry in lab.ask("log")["entries"] if entry["event"] == "signed"]
    assert signed[-1]["key"] == laptop["key"]
    lab.pyinfra("deploy.py", "-y")


EVIDENCE = f"""
cd /
find var/lib/ostree-release/keys/bench var/lib/ostree-release/trusted {BASE[1:]}/keys etc/ostree-release -type f \
    -not -name '*.lock' -exec sha256sum {{}} + | sort
"""


def bench(file: str, *rings: str) -> tuple[str, str]:
    """Return the arguments that declare an environment whose key comes from a file of the laptop."""
    declared = {"promotes_from": "dev", "rings": [*rings], "signing_key": file}
    return "--data", f"ostree_environment_bench={json.dumps(declared)}"


def test_old_settings_bring_no_withdrawn_key_back(lab: Lab, laptop: dict[str, str]) -> None:
    """Somebody deploys from an old checkout, which also names a ring that is no more."""
    secret = f"{laptop['home']}/secret.asc"
    gpg = ["gpg", "--homedir", laptop["home"], "--batch", "--quiet", "--armor", "--output", secret]
    subprocess.run([*gpg, "--export-secret-keys", laptop["key"]], check=True)
    lab.pyinfra("deploy.py", "-y", *bench(secret, "benches"))

    def keys(change: str) -> list[str]:
        lab.pyinfra("tasks/keys.py", "-y", "--data", "to=bench", "--data", change, *bench(secret, "benches"))
        return [each["fingerprint"] for each in lab.ask("keys", "--to", "bench")["keys"]]

    (new,) = {*keys("introduce=new")} - {laptop["key"]}
    keys(f"use={new}")
    assert keys(f"withdraw={laptop['key']}") == [new]
    before = lab.server(EVIDENCE).out
    refused = lab.pyinfra("deploy.py", "-y", *bench(secret, "old", "benches"), check=False)
    assert refused.code == 1
    (line,) = [each for each in refused.text.splitlines() if secret in each]
    assert f"{secret} holds {laptop['key']}, which was withdrawn, and {new} is in use: name the file" in line
    assert "tasks/keys.py -y --data to=bench" in line
    assert "Traceback" not in refused.text
    assert lab.server(EVIDENCE).out == before
    assert lab.pyinfra("deploy.py", "--dry", *bench(secret, "benches"), check=False).code == 1
    own = {"promotes_from": "dev", "rings": ["benches"]}
    declared = "--data", f"ostree_environment_bench={json.dumps(own)}"
    assert changed_operations(lab.pyinfra("deploy.py", "-y", "--json", *declared)) == []
    assert [each["fingerprint"] for each in lab.ask("keys", "--to", "bench")["keys"]] == [new]
    lab.pyinfra("deploy.py", "-y")
