"""The program on real repositories, keys and a web server: tests/server, in a container of its own."""

from __future__ import annotations

from tests.integration.driver import NAME
from tests.integration.server_suite import run_suite


def test_every_test_of_the_server_suite_passes() -> None:
    result = run_suite(f"{NAME}-suite", timeout=3000)
    assert result.code == 0, result.text[-6000:]
    assert "\nOK" in result.text, result.text[-6000:]
    assert "skipped" not in result.text
