"""Decisions about clients, on what a real rpm-ostree recorded."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.client.decisions import Target, check_boot, decide_rebase, decide_upgrade, target, unable
from tasks.client.rpm_ostree_status import Machine, booted, named, parse_status, pending, rollback
from tasks.client.trust import Remote, differences
from tasks.signing.keyring import fingerprints
from tests.recorded.recordings import recorded_status

STABLE = "prod:fedora/x86_64/kinoite/stable"
PILOT = "prod:fedora/x86_64/kinoite/pilot"

# A key made for this test alone: `gpg --quick-gen-key "dev <d@x>" ed25519 sign never`, and what gpg calls it.
KEY = base64.b64decode(
    "mDMEawTVUBYJKwYBBAHaRw8BAQdA9BlNVWKmz/+9RFqeJXi0EAfeqhcqq9iXEfVprTNwjBW0CWRldiA8ZEB4PoiQBBMWCgA4FiEE"
    "Ig3/oU0Fq0DoprkIou+7dJmSHl4FAmsE1VACGwMFCwkIBwIGFQoJCAsCBBYCAwECHgECF4AACgkQou+7dJmSHl5JsAEAjasvn1si"
    "ZqYdh7thIugWh30gg/YRhl6s0EvVWNshcegBALvSL4oLJ6lQL4UpD7/QWvckiLRcDsn0q1+V6k8Bl4AF"
)
FINGERPRINT = "220DFFA14D05AB40E8A6B908A2EFBB7499921E5E"


def machine(recording: str, **changed: Any) -> Machine:
    """Make a client out of a recorded status."""
    deployments, transaction = parse_status(recorded_status(recording))
    state = Machine(
        problem=None,
        boot_id="before",
        architecture="x86_64",
        deployments=deployments,
        transaction=transaction,
        remote={},
        keyring=[],
        ca="",
        health=None,
        health_unit="",
    )
    return Machine(**{**state, **changed})  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("recording", "runs", "waits", "back"),
    [
        ("fresh", "3e50bf66ca", None, None),
        ("after-reboot", "d18f828298", None, "3e50bf66ca"),
        ("rebase-staged", "1f74e6e3bb", "f05f43ebe8", "d18f828298"),
        ("layered-staged", "1f74e6e3bb", "1f74e6e3bb", "d18f828298"),
        ("busy", "1f74e6e3bb", None, "1f74e6e3bb"),
    ],
)
def test_what_runs_what_waits_and_what_is_kept(
    recording: str, runs: str, waits: str | None, back: str | None
) -> None:
    state = machine(recording)
    found = [each and each["base"][:10] for each in (booted(state), pending(state), rollback(state))]
    assert found == [runs, waits, back]


def test_a_layered_deployment_is_named_by_the_commit_of_the_server() -> None:
    waiting = pending(machine("layered-staged"))
    assert waiting is not None
    assert waiting["checksum"].startswith("a6da31f67b")
    assert named(waiting) == "42.20250204.0 (1f74e6e3bb25)"


def test_what_the_next_boot_takes_decides_not_what_runs() -> None:
    staged = machine("rebase-staged")
    assert decide_rebase(staged, PILOT, None).action == "none"
    assert decide_rebase(staged, STABLE, None).action == "rebase"


def test_older_is_accepted_and_said_when_it_follows_something_else() -> None:
    decision = decide_rebase(machine("fresh"), PILOT, Target("41.1", "f" * 64, 1))
    assert decision.action == "rebase"
    assert "older: accepted" in decision.line
    assert decision.forbid_older is False


def test_older_along_the_same_ref_is_refused_also_by_rpm_ostree() -> None:
    spec = "kinoite-prod:fedora/x86_64/kinoite/stable"
    assert decide_rebase(machine("fresh"), spec, Target("41.1", "f" * 64, 1)).action == "fail"
    assert decide_rebase(machine("fresh"), spec, None).forbid_older is True
    newer = decide_rebase(machine("fresh"), spec, Target("43.1", "f" * 64, 2**31))
    assert (newer.action, newer.forbid_older) == ("rebase", True)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (machine("busy"), "busy"),
        (machine("fresh", problem="no sudo"), "no sudo"),
        (machine("fresh", deployments=[]), "no booted"),
    ],
)
def test_a_client_that_cannot_be_worked_on_says_why(state: Machine, said: str) -> None:
    decision = decide_rebase(state, PILOT, None)
    assert (decision.action, decision.line) == ("fail", unable(state))
    assert said in decision.line
    assert "\n" not in decision.line


def test_an_upgrade_compares_with_the_base_commit() -> None:
    layered = machine("layered-staged")
    assert decide_upgrade(layered, layered["deployments"][0]["base"], "1").action == "none"
    assert decide_upgrade(layered, layered["deployments"][0]["checksum"], "1").action == "upgrade"


def test_a_reboot_counts_only_with_a_new_boot_id_and_the_expected_checksum() -> None:
    after = machine("after-reboot", boot_id="after")
    expected = after["deployments"][0]
    assert check_boot(after, "before", expected) is None
    assert check_boot(after, "after", expected) == "did not reboot"
    fell_back = check_boot(after, "before", after["deployments"][1])
    assert fell_back is not None
    assert fell_back.startswith("fell back: booted 42.20250203.0")
    assert check_boot(machine("fresh", problem="no bus"), "before", expected) is not None


STATUS = {
    "environments": {
        "dev": {"composed": True, "ref": "k/dev", "build": {"version": "1", "checksum": "a", "timestamp": 5}},
        "prod": {
            "composed": False,
            "rings": [
                {
                    "name": "pilot",
                    "ref": "k/pilot",
                    "release": {"version": "2", "checksum": "b", "timestamp": 6},
                },
                {"name": "stable", "ref": "k/stable", "release": None},
            ],
        },
    }
}


@pytest.mark.parametrize(
    ("environment", "ref", "found"),
    [
        ("dev", "k/dev", Target("1", "a", 5)),
        ("dev", "k/pilot", None),
        ("prod", "k/pilot", Target("2", "b", 6)),
        ("prod", "k/stable", None),
        ("qa", "k/stable", None),
    ],
)
def test_what_the_server_has_under_a_ref(environment: str, ref: str, found: Target | None) -> None:
    assert target(STATUS, environment, ref) == found
    assert target({"error": "no"}, environment, ref) is None


def remote(certificate: str = "CERT\n") -> Remote:
    return Remote("kinoite-dev", "https://images.lab:8443/repo/kinoite/dev", KEY, certificate)


def declared(**changed: Any) -> Machine:
    wanted = remote()
    digest = hashlib.sha256(wanted.certificate.encode()).hexdigest()
    fields = {"remote": wanted.settings, "keyring": [FINGERPRINT], "ca": digest, **changed}
    return machine("fresh", **fields)


def test_a_remote_as_declared_has_no_differences() -> None:
    assert differences(declared(), remote()) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"remote": {}},
        {"remote": {**remote().settings, "url": "https://elsewhere.invalid"}},
        {"remote": {**remote().settings, "gpg-verify": "false"}},
        {"remote": {**remote().settings, "gpgkeypath": "/etc/other"}},
        {"remote": {key: value for key, value in remote().settings.items() if key != "tls-ca-path"}},
        {"keyring": []},
        {"keyring": ["unreadable"]},
        {"keyring": [FINGERPRINT, "0" * 40]},
        {"keyring": ["0" * 40]},
        {"ca": ""},
        {"ca": "0" * 64},
    ],
)
def test_any_difference_of_trust_is_found(changed: dict[str, Any]) -> None:
    assert len(differences(declared(**changed), remote())) == 1


def test_fingerprints_are_those_of_gpg() -> None:
    assert fingerprints(KEY) == [FINGERPRINT]
    assert fingerprints(KEY + KEY) == [FINGERPRINT]
    assert fingerprints(b"") == []


@given(st.binary(max_size=80), st.integers(0, len(KEY)))
def test_broken_keys_are_a_value_error_and_nothing_else(noise: bytes, cut: int) -> None:
    for data in (noise, KEY[:cut], KEY[:cut] + noise):
        try:
            found = fingerprints(data)
        except ValueError:
            continue
        assert all(len(each) == 40 for each in found)
