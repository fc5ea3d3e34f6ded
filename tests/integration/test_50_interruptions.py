"""Promotion stopped dead at each of its steps: what is served stays whole, and running it again completes it."""

from __future__ import annotations

import pytest

from tests.integration.driver import HOME, Lab

STATION = "released"

BASE = "/srv/ostree/rpm-ostree"
PROD = f"{BASE}/prod"
PILOT = f"{HOME}/pilot"

# Loads the installed program and puts a kill -9 before or after one of its functions; nothing in it is made for this.
KILL = """
import importlib, os, signal, sys
sys.path.insert(0, "/usr/libexec/ostree-release/program")
module, _, name = {function!r}.rpartition(".")
holder = importlib.import_module("ostree_release." + module.split(":")[0])
for part in module.split(":")[1:]:
    holder = getattr(holder, part)
original = getattr(holder, name)
def stopped(*arguments, **options):
    if {when!r} == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    original(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(holder, name, stopped)
from ostree_release.__main__ import main
main(["promote", "--to", "prod"])
"""

# tests/server/test_interrupted.py, which the lab's server runs too, has every other moment on smaller repositories.
STEPS = [
    ("repository.writing:Transaction.commit", "before"),
    ("releasing.promote.sign", "after"),
    ("releasing.publish.set_release", "after"),
    ("releasing.publish.move_ring", "after"),
]


@pytest.mark.parametrize(("function", "when"), STEPS, ids=[f"{when} {function}" for function, when in STEPS])
def test_stopped_at(lab: Lab, function: str, when: str) -> None:
    version = f"5.{STEPS.index((function, when))}"
    build = lab.quick_build({"hello": version})
    old = lab.tip("pilot")
    killed = lab.server(
        "cd /; runuser -u ostree-prod -- python3 -I -",
        stdin=KILL.format(function=function, when=when),
        check=False,
    )
    assert killed.code in (137, -9), killed.text
    lab.server(f"ostree --repo={PROD} fsck")
    lab.server(
        f"rm -rf /tmp/client; ostree --repo=/tmp/client init --mode=archive; ostree --repo=/tmp/client remote add"
        f" --gpg-import={BASE}/keys/prod.gpg --set=tls-ca-path={BASE}/keys/ca.crt prod"
        " https://images.lab:8443/repo/kinoite/prod;"
        f" ostree --repo=/tmp/client pull --commit-metadata-only prod {PILOT}"
    )
    pulled = lab.server(f"ostree --repo=/tmp/client rev-parse prod:{PILOT}").out.strip()
    shown = lab.server(f"ostree --repo=/tmp/client show --print-metadata-key=version {pulled}").out.strip(
        " '\n"
    )
    assert shown in (old["version"], build["version"])
    lab.pyinfra("promote.py", "-y")
    new = lab.tip("pilot")
    assert new["version"] == build["version"]
    assert int(new["serial"]) == int(old["serial"]) + 1
    lab.server(f"ostree --repo={PROD} fsck --verify-bindings")
    assert "/candidate/" not in lab.server(f"ostree --repo={PROD} refs").out
    assert new["checksum"] in lab.server(f"ostree --repo={PROD} summary -v").out
