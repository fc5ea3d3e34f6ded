"""Keys of the lab, and the lines by which SSH knows its machines."""

from __future__ import annotations

from pathlib import Path

import paramiko
import pytest

from lab import keys, state
from lab.state import Lab


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr(state, "ROOT", tmp_path)
    return Lab("mine")


def test_a_key_is_made_once_and_only_its_owner_may_read_it(lab: Lab) -> None:
    first = keys.user_key(lab)
    assert keys.user_key(lab) == first
    assert keys.user_key_file(lab).stat().st_mode & 0o777 == 0o600
    assert keys.user_key_file(lab).parent.stat().st_mode & 0o777 == 0o700


def test_a_key_that_was_only_half_written_is_made_anew(lab: Lab) -> None:
    keys.user_key_file(lab).parent.mkdir(parents=True)
    keys.user_key_file(lab).write_text("half a k")
    pair = keys.user_key(lab)
    assert keys.user_key_file(lab).read_text() == pair.private


def test_paramiko_reads_the_key_and_agrees_on_its_public_half(lab: Lab) -> None:
    pair = keys.user_key(lab)
    read = paramiko.Ed25519Key.from_private_key_file(str(keys.user_key_file(lab)))
    assert pair.public.split()[1] == read.get_base64()


def test_paramiko_finds_a_machine_under_its_published_address(lab: Lab) -> None:
    machines = [lab.server, *lab.clients(1)]
    keys.write_known_hosts(lab, machines)
    known = paramiko.HostKeys(str(keys.known_hosts_file(lab)))
    for machine in machines:
        entry = known.lookup(f"[127.0.0.1]:{machine.port}")
        assert entry is not None
        assert entry["ssh-ed25519"].get_base64() == keys.host_key(lab, machine).public.split()[1]


def test_every_machine_has_a_key_of_its_own(lab: Lab) -> None:
    public = {keys.host_key(lab, machine).public.split()[1] for machine in (lab.server, *lab.clients(3))}
    assert len(public) == 4


def test_the_private_host_key_is_installed_unreadable_for_others(lab: Lab) -> None:
    files = keys.host_key_files(keys.host_key(lab, lab.server))
    assert files["/etc/ssh/ssh_host_ed25519_key"][1] == 0o600
