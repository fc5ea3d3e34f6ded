"""End a run with one line, whichever of its hosts found out first, or whoever interrupts it.

Unnecessary once a SystemExit in a file that pyinfra reads for several hosts ends it so (3.10.0: a traceback).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from gevent import get_hub  # type: ignore[import-untyped]
from pyinfra.api.exceptions import PyinfraError
from pyinfra_cli.exceptions import CliError  # type: ignore[import-untyped]

from tasks.pyinfra_gaps.interrupts import fail_on_interrupt

# pyinfra says in a line why it ends; gevent would print a traceback beside it. Output that is no UTF-8 ends a
# reader of pyinfra's: what reads the fact says that its end is missing. On the hub itself: gevent makes it a
# list of its own as soon as it has looked up a name.
get_hub().NOT_ERROR = (*get_hub().NOT_ERROR, PyinfraError, UnicodeDecodeError)


class OneLineError(PyinfraError, CliError):  # type: ignore[misc]
    """Ends the run with its text alone and exit status 1.

    pyinfra reads an entry file once per host, at the same time. It hands on an error of its own kinds and
    ends with the first; a second host's SystemExit would break into that end as a traceback.
    """

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the text without pyinfra's file name and line number."""
        print(self.message, file=file or sys.stderr)


@contextmanager
def one_line() -> Iterator[None]:
    """Turn a SystemExit with a text into a OneLineError: every file that a person runs does its work in here.

    From here on, Ctrl-C fails the run.
    """
    fail_on_interrupt()
    try:
        yield
    except SystemExit as end:
        raise OneLineError(str(end.code)) from None
