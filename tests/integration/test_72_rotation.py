"""One key takes over from another while a client misses it."""

from __future__ import annotations

from tests.integration.driver import TYPED, Lab, changed_operations

STATION = "followed"
BASE = "/srv/ostree/rpm-ostree"


def test_one_key_takes_over_and_a_client_misses_it(lab: Lab) -> None:
    def keys(*arguments: str, code: int = 0) -> str:
        result = lab.pyinfra("tasks/keys.py", "-y", *arguments, check=False)
        assert result.code == code, result.text
        return result.text

    (old,) = [key["fingerprint"] for key in lab.ask("keys")["keys"]]
    keys("--data", "introduce=new")
    (new,) = [each["fingerprint"] for each in lab.ask("keys")["keys"] if not each["in_use"]]
    lab.pyinfra("tasks/rebase.py", "-y", "--limit", "pilot1")
    mending = f"{TYPED} inventories/lab.py tasks/rebase.py -y --limit stable1"
    assert f"stable1 missed {new}: {mending}" in keys()
    assert "stable1 do not trust it yet" in keys("--data", f"use={new}")
    tip = lab.ask("status")["environments"]["prod"]["rings"][-1]["release"]["checksum"]
    assert lab.server(f"ostree --repo={BASE}/prod show {tip}").out.count("key ID") == 2
    lab.pyinfra("tasks/upgrade.py", "-y", "--limit", "stable1")  # not locked out

    refused = keys("--data", f"withdraw={old}", code=1)
    assert f"stable1 may trust no other key than {old}" in refused
    assert "pilot1 may" not in refused
    lab.pyinfra("tasks/rebase.py", "-y", "--limit", "stable1")
    keys("--data", f"withdraw={old}")
    assert [key["fingerprint"] for key in lab.ask("keys")["keys"]] == [new]
    assert changed_operations(lab.pyinfra("deploy.py", "-y", "--json")) == []
    served = lab.server(f"gpg --batch --homedir $(mktemp -d) --show-keys {BASE}/keys/prod.gpg").out
    assert new in served
    assert old not in served
    lab.pyinfra("tasks/rebase.py", "-y")
    lab.pyinfra("tasks/upgrade.py", "-y", "--limit", "stable1")
