"""Row 6: the status of three clients, and what it costs the laptop."""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterator, Sequence

from bench import lab
from bench.measuring import Contender, Row, Sample, alternating, measured, run
from lab import connection, state
from tests.integration.driver import PYINFRA, ROOT

_CLIENTS = 3
_STATUS = ("inventories/lab.py", "tasks/status.py", "-y")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what it takes: nothing."""


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """Yield the row."""
    found = lab.server(clients=_CLIENTS)
    it = state.Lab(found.name)
    clients = state.read(it).clients[:_CLIENTS]

    def asked(*command: str) -> list[list[str]]:
        return [connection.command(it, client, command) for client in clients]

    def in_turn() -> Sample:
        lines = asked("rpm-ostree", "status")
        return measured(lambda: [run(*line) for line in lines])

    limits = [word for machine in (it.server, *clients) for word in ("--limit", machine.name)]
    ours = (str(PYINFRA), *_STATUS, *limits)
    contenders = [
        Contender(
            "ours",
            f"pyinfra {' '.join(_STATUS)}",
            lambda: measured(lambda: run(*ours, cwd=ROOT, env=lab.environment())),
            "what the server has, too; CPU is the laptop's, as in all of these",
        ),
        Contender("guide", "for each client: ssh CLIENT rpm-ostree status", in_turn, "one after the other"),
        Contender(
            "floor: one ssh each",
            "ssh CLIENT rpm-ostree status --json, at the same time",
            lambda: measured(lambda: _at_once(asked("rpm-ostree", "status", "--json"))),
        ),
    ]
    yield alternating(f"status of {_CLIENTS} clients", contenders, options.runs)


def _at_once(lines: Sequence[Sequence[str]]) -> None:
    running = [subprocess.Popen(line, stdout=subprocess.DEVNULL) for line in lines]
    if sum(process.wait() for process in running):  # of all of them
        raise RuntimeError("a client did not answer")
