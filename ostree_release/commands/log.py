"""`log`: print the journal."""

from __future__ import annotations

from argparse import Namespace

from ..command_line import takes
from ..context import Context
from ..text import Result

arguments = takes("--environment", metavar="ENV")


def run(options: Namespace, context: Context) -> tuple[str, Result]:
    """Return how the result is worded, and the result."""
    from ..proof import chain

    entries = context.journal.entries()
    wanted = [entry for entry in entries if options.environment in (None, entry.get("environment"))]
    return "log", {"entries": wanted, "broken": chain.unlinked(chain.lines(context.journal.content()))}
