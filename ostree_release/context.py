"""What every step is handed: the configuration, who asked, the journal, and where to say what happens."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TextIO

from . import lock
from .config import Config, Environment
from .journal import Journal


@dataclass
class Progress:
    """Says what is being done; goes on in silence when nobody can read it any more (a lost connection)."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)

    def say(self, line: str) -> None:
        """Write one line at once."""
        try:
            print(line, file=self.stream, flush=True)
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())  # or Python fails again when it flushes at the end
            os.close(nowhere)


@dataclass(frozen=True)
class Context:
    """One run of the program."""

    config: Config
    actor: str
    progress: Progress

    @cached_property
    def journal(self) -> Journal:
        """The server's journal, which remembers what it has read."""
        return Journal(self.config.journal, self.config.run)

    def say(self, line: str) -> None:
        """Say what is being done."""
        self.progress.say(line)

    def record(self, event: str, action: str, environment: str | None, **more: Any) -> None:
        """Write into the journal what was done.

        + environment: the name of the one it is about, if any
        """
        where = {"environment": environment} if environment else {}
        self.journal.append({"event": event, "actor": self.actor, "action": action, **where, **more})

    @contextlib.contextmanager
    def reading(self, environment: Environment) -> Iterator[None]:
        """Hold the shared objects locks of an environment and of the one it promotes from."""
        with contextlib.ExitStack() as locks:
            for name in filter(None, (environment.name, environment.promotes_from)):
                locks.enter_context(lock.objects(self.config.run, name))
            yield
