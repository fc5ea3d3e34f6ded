"""Packing by the program zstd, which Python has no module for before 3.14."""

from __future__ import annotations

import shutil
import subprocess

import pytest


def packed(content: bytes) -> bytes:
    """Return packed bytes; skips the test where there is no zstd."""
    if not shutil.which("zstd"):
        pytest.skip("no zstd here to pack with")
    return subprocess.run(["zstd", "-q", "-c"], input=content, capture_output=True, check=True).stdout
