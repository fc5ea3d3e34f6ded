"""What the demo takes from a client's status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab import client_reading

VALID = [True, False, False, False, False, "SUBKEY", 1, 0, "RSA", "SHA512", "name", "mail", "PRIMARY", 0, 0]
RECORDED = sorted((Path(__file__).parents[1] / "recorded").rglob("status-*.json"))


def test_the_primary_key_of_a_valid_signature_is_the_signing_key() -> None:
    assert client_reading.signing_key({"signatures": [VALID]}) == "PRIMARY"


def test_a_signature_that_is_not_valid_says_nothing() -> None:
    assert client_reading.signing_key({"signatures": [[False, *VALID[1:]]]}) == ""
    assert client_reading.signing_key({}) == ""


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recordings_of_the_real_program_can_be_read(path: Path) -> None:
    status: dict[str, Any] = json.loads(path.read_text())
    deployment = client_reading.booted(status)
    assert deployment["booted"] is True
    assert client_reading.signing_key(deployment) == "3CE7B1BCDE50C8DDD26E98BA5BA3131B1D00238C"


def test_there_are_recordings() -> None:
    assert RECORDED
