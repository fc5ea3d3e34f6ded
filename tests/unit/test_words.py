"""How the fleet's clients and servers read."""

from __future__ import annotations

from tasks.client.fleet import client_lines, server_lines, unknown
from tests.plan.fleet import STATUS


def test_a_server_is_shown_in_its_own_words() -> None:
    lines = server_lines("images", STATUS)
    assert lines[0] == "Server images"
    assert lines[2].endswith("behind dev: 1 added, 3 upgraded")


def test_a_server_that_refuses_is_shown_with_its_reason() -> None:
    assert server_lines("server", {"error": "not installed"}) == ["server: not installed"]
    assert client_lines([]) == []
    row = client_lines([unknown("gone", "not reached", "unreachable")])[1]
    assert row.split() == ["gone", "-", "unreachable", "-", "-", "-", "-", "not", "reached"]
