"""JSON of other programs: what is wrong with it, in words; and the boot id of a client that greets."""

from __future__ import annotations

import copy
import json
from types import SimpleNamespace
from typing import Any

import pytest

from tasks.client import reboot
from tasks.client.rpm_ostree_status import STATUS
from tasks.facts.documents import document
from tests.command_output import said
from tests.recorded.recordings import recorded_status

BOOT = "0b6a1c9e-6f4b-4b6e-9d3a-000000000001"


def changed(path: list[Any], value: Any) -> str:
    """A recorded status with another value in one place, or, with an ellipsis, without the key."""
    status = copy.deepcopy(recorded_status("fresh"))
    place: Any = status
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(status, indent=2)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (changed(["deployments"], ...), "it has no deployments"),
        (changed(["deployments"], None), "deployments is null, not a list"),
        (changed(["deployments", 0], None), r"deployments\[0\] is null, not an object"),
        (changed(["deployments", 0, "checksum"], ...), r"deployments\[0\] has no checksum"),
        (changed(["deployments", 0, "checksum"], 5), r"deployments\[0\]\.checksum is a number, not text"),
        (changed(["deployments", 0, "timestamp"], True), r"timestamp is a truth value, not a number"),
        (changed(["deployments", 0, "booted"], "yes"), r"booted is text, not a truth value"),
        (changed(["deployments", 0, "version"], []), r"version is a list, not text"),
        (changed(["transaction"], "Rebase"), "transaction is text, not a list"),
        ("[]", "printed a list as JSON, not an object"),
        ("[" * 100000, "nested too deep|no JSON"),
        ('{"deployments": "\\', "ends in the middle"),
        ('{"deployments": []} trailing', "printed more than a JSON document: 'trailing'"),
        ("error", "printed no JSON but 'error'"),
    ],
)
def test_what_is_wrong_is_said(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        document(text.splitlines(), STATUS)


@pytest.mark.parametrize(
    "path", [["transaction"], ["deployments", 0, "version"], ["deployments", 0, "staged"]]
)
def test_what_may_be_left_out_is_not_wrong(path: list[Any]) -> None:
    assert document(changed(path, ...).splitlines(), STATUS)


@pytest.mark.parametrize("noise", [[], ["Welcome", "== boot"]])
def test_a_greeting_is_no_boot_id(noise: list[str]) -> None:
    output = SimpleNamespace(stdout_lines=[*noise, *said(BOOT)])
    host: Any = SimpleNamespace(
        disconnect=lambda: None, connect=lambda **_: None, run_shell_command=lambda *_, **__: (True, output)
    )
    assert reboot._boot_id(host) == BOOT


@pytest.mark.parametrize("lines", [[], ["Welcome"], said("null"), said(errors=["cat: gone"], status=1)])
def test_a_client_that_says_no_boot_id_is_not_back(lines: list[str]) -> None:
    output = SimpleNamespace(stdout_lines=lines)
    host: Any = SimpleNamespace(
        disconnect=lambda: None, connect=lambda **_: None, run_shell_command=lambda *_, **__: (True, output)
    )
    with pytest.raises(ValueError, match=r"said nothing|no answer|its boot id"):
        reboot._boot_id(host)
