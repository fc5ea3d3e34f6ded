"""What compose.py and hold.py have carried out on a server, after what they show."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tasks.releases import compose, hold
from tasks.releases.call import carried_out

HOST: Any = SimpleNamespace(name="images", log=lambda line: None)
GOES_ON = "The compose of dev goes on on images. To follow it again: pyinfra INVENTORY tasks/compose.py -y"
APPROVER = "sudo -n -u ostree-prod /usr/libexec/ostree-release/approver"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Let a server answer that it has nothing yet; return what is added to the run."""
    found: list[dict[str, Any]] = []
    answers: dict[ModuleType, Any] = {compose: {"builds": []}, hold: {"holds": []}}
    for module, answer in answers.items():
        monkeypatch.setattr(module, "look", lambda *_, answer=answer: answer)
    monkeypatch.setattr(hold, "say", lambda *_: None)
    monkeypatch.setattr("pyinfra.operations.python.call", lambda **given: found.append(given))
    return found


@pytest.mark.parametrize(("version", "option"), [(None, ""), ("44.1", " --version=44.1")])
def test_compose(calls: list[dict[str, Any]], version: str | None, option: str) -> None:
    compose.compose_here(HOST, "dev", version)
    wanted = f"sudo -n /usr/libexec/ostree-release/composer compose dev{option}"
    role = {"function": carried_out, "role": "composer", "kind": "compose", "interrupted": GOES_ON}
    assert calls == [{"name": "Compose dev", "command": wanted, **role}]


def test_what_to_type_after_an_interruption_names_the_environment(calls: list[dict[str, Any]]) -> None:
    compose.compose_here(HOST, "qa", None)
    assert calls[0]["interrupted"].endswith(" tasks/compose.py -y --data environment=qa")


@pytest.mark.parametrize(
    ("what", "release", "reason", "name", "words"),
    [
        (
            ("package", "kernel-6.14.0-63.fc44"),
            False,
            "no wireless",
            "Hold package kernel-6.14.0-63.fc44",
            "--package=kernel-6.14.0-63.fc44 '--reason=no wireless'",
        ),
        (
            ("build", "44.1"),
            True,
            "the cable",
            "Release build 44.1",
            "44.1 --release '--reason=the cable'",
        ),
    ],
)
def test_hold(
    calls: list[dict[str, Any]], what: tuple[str, str], release: bool, reason: str, name: str, words: str
) -> None:
    hold.hold_here(HOST, what, release, reason)
    role = {"function": carried_out, "role": "approver", "kind": "hold"}
    assert calls == [{"name": name, "command": f"{APPROVER} hold {words}", **role}]


def test_a_look_at_holds_changes_nothing(calls: list[dict[str, Any]]) -> None:
    hold.hold_here(HOST, None, False, None)
    assert calls == []
