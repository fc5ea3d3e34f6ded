"""What clients need from their server: read over SSH once per run, also if --limit leaves the server out."""

from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar

from pyinfra.api import Host, StringCommand
from pyinfra.api.exceptions import ConnectError

from tasks.client import boot_health
from tasks.facts.command_output import asked
from tasks.facts.entry_points import ENTRY_POINTS
from tasks.facts.ostree import PublishedTrust, Trust
from tasks.facts.release import Answer, Released, answer

T = TypeVar("T")

_answers: dict[tuple[str, ...], Any] = {}
_locks: dict[str, Lock] = {}
_reports: dict[str, list[dict[str, Any]]] = {}


class ServerError(Exception):
    """A server cannot give what its clients need; the text is the line to show."""


def find(client: Host, name: str) -> Host:
    """Return the host that a client names as its image server.

    Raises ServerError: the inventory has no such host.
    """
    server: Host | None = client.inventory.get_host(name, None)
    if server is None:
        raise ServerError(f"ostree_image_server = {name!r}: the inventory has no such host")
    return server


def trust(server: Host, directory: str, environment: str) -> Trust:
    """Read an environment's public key and the CA's certificate.

    Raises ServerError: the server cannot be reached, or has no such key.
    """
    published = _once(
        (server.name, directory, environment),
        lambda: server.get_fact(PublishedTrust, directory=directory, environment=environment),
    )
    if published["problem"]:
        raise ServerError(f"{server.name}, {environment}: {published['problem']}")
    return published


def release_status(server: Host) -> Answer:
    """Read what every environment and ring holds.

    Raises ServerError: the server cannot be reached.
    """
    asked_for = {"kind": "status", "role": "reader", "words": ["status"], "options": {}}
    return _once((server.name,), lambda: server.get_fact(Released, **asked_for))


def collect_report(server: Host, report: dict[str, Any]) -> None:
    """Remember what a client says about its health, to be handed to its server at the end."""
    _reports.setdefault(server.name, []).append(report)


def hand_in_reports(server: Host) -> Answer:
    """Hand everything that was collected to a server, in one command.

    Returns the document of `ostree-release report-health`, or {"error": why not}.
    """
    try:
        return _once((server.name, "reports"), lambda: _hand_in(server))
    except ServerError as error:
        return {"error": str(error)}


def _hand_in(server: Host) -> Answer:
    tries = [
        StringCommand('printf %s "$reports" |', each("report-health", "--json"))
        for each in ENTRY_POINTS["reader"]
    ]
    command = StringCommand("reports=$(cat);", asked(*tries))
    if not server.connected:
        server.connect(raise_exceptions=True)
    _, output = server.run_shell_command(command, _stdin=boot_health.document(_reports[server.name]).decode())
    return answer(output.stdout_lines, "reader", "report-health")


def _once(key: tuple[str, ...], ask: Callable[[], T]) -> T:
    """Ask a server once however many clients want to know; while one asks, the others wait for its answer."""
    with _locks.setdefault(key[0], Lock()):
        if key not in _answers:
            try:
                _answers[key] = ask()
            except ConnectError as error:
                _answers[key] = ServerError(f"image server {key[0]} cannot be reached: {error}")
        answer: T | ServerError = _answers[key]
    if isinstance(answer, ServerError):
        raise answer
    return answer
