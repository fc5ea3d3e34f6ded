"""`config`: check the configuration and print it."""

from __future__ import annotations

from argparse import Namespace

from ..config import Config
from ..context import Context
from ..loading import plain
from ..text import Result


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    return "config", plain(Config, context.config)
