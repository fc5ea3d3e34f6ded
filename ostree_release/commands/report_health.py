"""`report-health`: record the clients' health reports that stand on standard input as JSON."""

from __future__ import annotations

import sys
from argparse import Namespace

from .. import health
from ..context import Context
from ..text import Result


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    from ..environments.health_reports import record

    return "report-health", record(context, sys.stdin.buffer.read(health.LIMIT + 1))
