"""The program on real repositories, keys and a web server: tests/server, begun when the lab was up."""

from __future__ import annotations

from tests.integration.server_suite import ServerSuite


def test_every_test_of_the_server_suite_passes(server_suite: ServerSuite) -> None:
    result = server_suite.result(timeout=3000)
    assert result.code == 0, result.text[-6000:]
    assert "\nOK" in result.text, result.text[-6000:]
    assert "skipped" not in result.text
