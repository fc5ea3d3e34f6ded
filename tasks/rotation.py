"""What tasks/keys.py does: hear every client, show the keys, and add the operation that changes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pyinfra.api import Host

from tasks import laptop_keys
from tasks.client import servers
from tasks.client.trust import certificate_file
from tasks.client.trusted import Trusting
from tasks.facts.release import EnvironmentKeys
from tasks.facts.rpm_ostree import ClientState
from tasks.failures import drop
from tasks.image_servers import concerns, is_server
from tasks.operations.keys import changed, key_lines, shown
from tasks.settings import Followed, SettingsError, load_client, load_server, resolve

NEW = "new"
_heard: dict[str, tuple[str, ...]] = {}


@dataclass(frozen=True)
class Change:
    """What was asked for. action: introduce, use or withdraw; key: NEW, a file, or a fingerprint."""

    action: str
    key: str
    force: bool


def rotate_here(host: Host, to: str, change: Change | None) -> None:
    """Hear a client, or show a server's keys and add what changes them.

    Args:
        host: a host of the run.
        to: environment.
        change: what was asked for; None to look only.
    """
    if not concerns(host):
        _hear(host, to)
        return
    keys = host.get_fact(EnvironmentKeys, environment=to)
    if "error" in keys:
        drop(host, keys["error"])
        return
    for line in key_lines(keys):
        host.log(line)
    if change is None:
        shown(name="Clients", keys=keys, clients=lambda: clients(host, to))
        return
    content, sign = None, None
    key = change.key
    try:
        if change.action == "introduce" and key != NEW:
            content, key = Path(key).expanduser().read_bytes(), "-"
        elif change.action == "use":
            key = key.upper()
            published = {each["fingerprint"]: each for each in keys["keys"]}
            if key in published and published[key]["here"] is False and published[key]["unsigned"]:
                sign = laptop_keys.find(key, published)
        else:
            key = key if key == NEW else key.upper()
    except OSError as error:
        drop(host, f"{change.key}: {error.strerror}")
        return
    except laptop_keys.LaptopKeyError as error:
        drop(host, f"{error}; nothing was changed")
        return
    changed(
        name=f"{change.action.capitalize()} {change.key}",
        keys=keys,
        action=change.action,
        key=key,
        content=content,
        sign=sign,
        force=change.force,
        clients=lambda: clients(host, to),
    )


def clients(server: Host, to: str) -> list[Trusting]:
    """Return every client of the inventory that follows an environment of a server, in its order."""
    found = []
    for each in server.inventory:
        followed = None if is_server(each) else _followed(each, server.name)
        if followed and followed.environment.name == to:
            found.append(Trusting(each.name, _heard.get(each.name)))
    return found


def _hear(host: Host, to: str) -> None:
    followed = _followed(host)
    if followed and followed.environment.name == to:
        machine = host.get_fact(
            ClientState, remote=followed.remote, ca_file=certificate_file(followed.remote)
        )
        if machine["problem"] is None:
            _heard[host.name] = tuple(machine["keyring"])


def _followed(host: Host, server: str | None = None) -> Followed | None:
    """Return what a client follows; None for what is no client, or not of that server."""
    if host.data.get("ostree_follows") is None:
        return None
    try:
        client = load_client(host)
        if server not in (None, client.image_server):
            return None
        return resolve(load_server(servers.find(host, client.image_server)), client.follows)
    except (SettingsError, servers.ServerError):
        return None
