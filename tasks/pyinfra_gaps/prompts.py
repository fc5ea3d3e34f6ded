"""Questions that pyinfra asks, in runs that nobody can answer.

Unnecessary once it asks on a terminal only (3.10.0 ends in a traceback).
"""

import sys

from pyinfra.context import ctx_state


def go_on_without_terminal() -> None:
    """Without a terminal, leave a failed host out and go on with the others, as pyinfra does with -y.

    Without -y, so in every --dry, pyinfra asks whether to go on when a host fails or cannot be reached; where
    nobody can answer, that question ends in a traceback. The run's exit status is 1 either way.
    """
    if not sys.stdin.isatty() and ctx_state.isset():
        ctx_state.get().should_raise_failed_hosts = lambda state: False
