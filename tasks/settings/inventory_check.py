"""The settings of every host in the inventory, checked before pyinfra contacts any of them.

pyinfra runs nothing of ours between reading group data and connecting. So group_data/all.py calls
check_settings at its end, which reads the other group data files itself and merges them as pyinfra 3.10 will
(pyinfra_cli/inventory.py): the inventory's data, then group_data in the working directory, beside the
inventory, and in each --group-data folder; for a host, its groups in order, its own data, then --data.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from pyinfra.api.inventory import Inventory
from pyinfra.context import inventory as inventory_in_use

from tasks.settings.declared import Server
from tasks.settings.load import client_settings, resolve, server_settings
from tasks.settings.reader import SettingsError, near_miss, problem

Data = Mapping[str, Any]

_reading = False


def check_settings() -> None:
    """Check all hosts' settings; ends the run with all problems if there are any.

    Does nothing where there is no pyinfra command line (tests, other programs that import group_data/all.py),
    and nothing when it is called by a file that it reads.
    """
    context = click.get_current_context(silent=True)
    if context is None or "inventory" not in context.params or _reading:
        return
    problems = find_problems(merged_data(inventory_in_use, context.params, Path.cwd()))
    if problems:
        raise SystemExit("\n".join(problems))


def merged_data(inventory: Inventory, command_line: Data, cwd: Path) -> dict[str, dict[str, Any]]:
    """Work out what host.data will be for every host.

    + inventory: hosts, groups and the data that stands in the inventory itself
    + command_line: pyinfra's parameters; inventory, group_data and data are read
    + cwd: the folder pyinfra runs in
    """
    # Here, because importing it changes the standard library for gevent, which only pyinfra's own runs want.
    from pyinfra_cli.inventory import _get_group_data  # type: ignore[import-untyped]
    from pyinfra_cli.util import parse_cli_arg  # type: ignore[import-untyped]

    folders = [cwd / "group_data"]
    beside = Path(command_line["inventory"]).parent.resolve()
    if beside != cwd:
        folders.append(beside / "group_data")
    folders.extend(Path(folder) for folder in command_line["group_data"])
    groups: dict[str, dict[str, Any]] = {"all": dict(inventory.data)}
    global _reading
    _reading = True
    try:
        for folder in folders:
            for group, data in _get_group_data(str(folder)).items():
                groups.setdefault(group, dict(inventory.group_data.get(group, {}))).update(data)
    finally:
        _reading = False
    override = {}
    for argument in command_line["data"]:
        key, _, value = argument.partition("=")
        override[key] = parse_cli_arg(value)
    hosts = {}
    for host in inventory:
        # The inventory in use while group data is read has a group "all" too; the final one has not.
        merged = dict(groups["all"])
        for group in host.groups:
            if group != "all":
                merged.update(groups.get(group) or inventory.group_data.get(group, {}))
        hosts[host.name] = merged | inventory.host_data[host.name] | override
    return hosts


def find_problems(hosts: Mapping[str, Data]) -> list[str]:
    """Check every host: a client if it follows something, a server if it does not or a client names it.

    + hosts: name -> merged data
    Returns one line for each problem; one that several hosts share is there once, with the first one's name.
    """
    clients = {name: data for name, data in hosts.items() if data.get("ostree_follows") is not None}
    servers_named = (data.get("ostree_image_server") for data in clients.values())
    named = {name for name in servers_named if isinstance(name, str)}
    found: dict[str, str] = {}
    servers: dict[str, Server] = {}
    for name, data in hosts.items():
        if name not in clients or name in named:
            try:
                servers[name] = server_settings(data, name)
            except SettingsError as error:
                for line in error.problems:
                    found.setdefault(line, name)
    for name, data in clients.items():
        try:
            _check_client(data, hosts, servers)
        except SettingsError as error:
            for line in error.problems:
                found.setdefault(line, name)
    return [f"{name}: {line}" for line, name in found.items()]


def _check_client(data: Data, hosts: Mapping[str, Data], servers: Mapping[str, Server]) -> None:
    client = client_settings(data)
    if client.image_server in servers:
        resolve(servers[client.image_server], client.follows)
    elif client.image_server not in hosts:
        right = "the inventory's name of a host" + near_miss(client.image_server, servers)
        raise SettingsError([problem("ostree_image_server", client.image_server, right)])
