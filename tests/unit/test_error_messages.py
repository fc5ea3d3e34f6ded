"""Reasons in one line, out of what rpm-ostree was recorded to say and what sudo says."""

from __future__ import annotations

import pytest

from tasks.facts.error_messages import client_reason, server_reason
from tasks.operations.rpm_ostree import package_changes
from tests.recorded.recordings import recorded


@pytest.mark.parametrize(
    ("recording", "begins"),
    [
        ("upgrade-while-busy", "busy: another rpm-ostree transaction is running (rebase slow:fedora"),
        ("rebase-unreachable-remote", "repository unreachable: "),
        ("rebase-remote-unresolvable", "repository unreachable: "),
        ("rebase-remote-tlswrongca", "TLS certificate not accepted: "),
        ("rebase-remote-no-key", "signature not accepted: "),
        ("rebase-unsigned", "signature not accepted: "),
        ("upgrade-downgrade-error", "older than what it has: "),
        ("rebase-no-such-ref", "not in the repository: "),
        ("rebase-remote-404", "not in the repository: "),
        ("upgrade-driver-registered", "updates belong to another program: "),
        ("rebase-wrong-binding", "While pulling fedora/x86_64/kinoite/wrong: Commit d18f8"),
        ("status-not-booted", "This system was not booted via libostree"),
        ("status-no-bus", "Loading sysroot: Connecting to system bus"),
    ],
)
def test_every_recorded_error_is_one_line(recording: str, begins: str) -> None:
    run = recorded(recording)
    assert run.code == 1
    reason = client_reason(run.stderr)
    assert reason.startswith(begins)
    assert "\n" not in reason


@pytest.mark.parametrize(
    ("said", "means"),
    [
        (["error: Writing content object: No space left on device"], "disk full: "),
        (["error: min-free-space-percent '3%' would be exceeded, at least 4 MB requested"], "disk full: "),
        (["sudo: a password is required"], "this login has no passwordless sudo on the client"),
        (["warning: odd", "error: one", "two"], "one two"),
        (["something else"], "something else"),
        ([], "the command failed without a word"),
    ],
)
def test_other_errors_of_a_client(said: list[str], means: str) -> None:
    assert client_reason(said).startswith(means)


@pytest.mark.parametrize(
    ("said", "means"),
    [
        (
            ["copying", "ostree-release: build 44.9: there is no such build"],
            "build 44.9: there is no such build",
        ),
        (["sudo: a password is required"], "this login may not promote on this server"),
        (
            ["Sorry, user visitor is not allowed to execute 'x' as root on server."],
            "this login may not promote",
        ),
        (["sudo: unknown user ostree-prod"], "ostree-release is not installed here"),
        (
            ["sudo: /usr/libexec/ostree-release/promoter: command not found"],
            "ostree-release is not installed here",
        ),
        ([], "ostree-release failed without a word"),
    ],
)
def test_why_the_server_did_nothing(said: list[str], means: str) -> None:
    assert server_reason(said, "promoter").startswith(means)


@pytest.mark.parametrize(
    ("recording", "changes"),
    [
        (
            "upgrade",
            [
                "upgraded hello 1.0-1.fc42 -> 1.1-1.fc42",
                "removed oldtool-1.0-1.fc42.noarch",
                "added newtool-1.0-1.fc42.noarch",
            ],
        ),
        (
            "upgrade-allow-downgrade",
            [
                "downgraded hello 1.1-1.fc42 -> 1.0-1.fc42",
                "removed newtool-1.0-1.fc42.noarch",
                "added oldtool-1.0-1.fc42.noarch",
            ],
        ),
        ("upgrade-nochange", []),
    ],
)
def test_package_changes(recording: str, changes: list[str]) -> None:
    assert package_changes(recorded(recording).stdout) == changes


def test_package_changes_of_a_layered_client() -> None:
    assert "upgraded hello 1.0-1.fc42 -> 1.1-1.fc42" in package_changes(recorded("rebase-layered").stdout)
