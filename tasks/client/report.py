"""Ask every host of a run how it stands, and print one answer when the last one has been heard."""

import json
import sys

import click
from pyinfra.api import Host
from pyinfra.operations import python

from tasks.client import servers
from tasks.client.fleet import (
    COLOURS,
    ClientRow,
    Fleet,
    client_lines,
    client_row,
    news,
    server_lines,
    unknown,
)
from tasks.facts.release import Answer
from tasks.facts.rpm_ostree import ClientState
from tasks.operations import health_reports
from tasks.pyinfra_gaps.failures import drop
from tasks.server.image_servers import is_server
from tasks.settings.load import load_client, load_server
from tasks.settings.reader import SettingsError

_waiting: set[str] = set()
_started: list[bool] = []
_servers: dict[str, Answer] = {}
_clients: dict[str, ClientRow] = {}


def report(host: Host, as_json: bool) -> None:
    """Hear one host; the last one prints what all of them said.

    Hosts that pyinfra could not connect to are listed as unreachable. The exit status is 0 if every host of
    the run was reached and answered, whether or not it is up to date.

    + host: a host of the run
    + as_json: print one JSON document in place of tables
    """
    if not _started:
        _started.append(True)
        _waiting.update(each.name for each in host.state.inventory.get_active_hosts())
    try:
        if is_server(host):
            _hear_server(host)
        else:
            _clients[host.name] = _hear_client(host)
    finally:
        _waiting.discard(host.name)
        if not _waiting:
            _print(_fleet(host), as_json)


def _hear_server(host: Host) -> None:
    answer = _status(host)
    if "error" in answer:
        drop(host, answer["error"])


def _status(server: Host) -> Answer:
    """Ask a server, or remember that it could not be asked."""
    try:
        answer = servers.release_status(server)
    except servers.ServerError as error:
        answer = {"error": str(error)}
    _servers[server.name] = answer
    return answer


def _hear_client(host: Host) -> ClientRow:
    machine = host.get_fact(ClientState)
    try:
        client = load_client(host)
        server_host = servers.find(host, client.image_server)
        status = _status(server_host)
        row = client_row(host.name, machine, client.follows, load_server(server_host), status)
    except (servers.ServerError, SettingsError) as error:
        drop(host, str(error))
        return unknown(host.name, str(error))
    if row["state"] == "no answer":
        drop(host, row["detail"])
    report = news(row, status)
    if report:
        servers.collect_report(server_host, report)
        python.call(name="Health to the server", function=health_reports.hand_in, server=server_host.name)
    return row


def _fleet(host: Host) -> Fleet:
    """Put together what was heard, with the hosts of the run that nobody could connect to."""
    clients = []
    state = host.state
    for each in state.inventory:
        if each.name in _clients:
            clients.append(_clients[each.name])
        elif state.is_host_in_limit(each) and each not in state.activated_hosts:
            if is_server(each):
                _servers.setdefault(each.name, {"error": "could not be reached"})
            else:
                clients.append(unknown(each.name, "could not be reached", "unreachable"))
    return Fleet(servers=dict(sorted(_servers.items())), clients=clients)


def _print(fleet: Fleet, as_json: bool) -> None:
    if as_json:
        print(json.dumps(fleet, indent=2))
        return
    for name, answer in fleet["servers"].items():
        print("\n".join(server_lines(name, answer)), end="\n\n")
    lines = client_lines(fleet["clients"])
    for line, row in zip(lines, [None, *fleet["clients"]], strict=bool(lines)):
        print(_coloured(line, row["state"]) if row and sys.stdout.isatty() else line)


def _coloured(line: str, state: str) -> str:
    return line.replace(state, click.style(state, COLOURS.get(state, "red")), 1)
