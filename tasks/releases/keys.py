"""Signing keys: hear every client, show the keys, and add the operation that changes them on the server."""

import base64
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import join
from typing import Any

from pyinfra.api import Host, State, StringCommand
from pyinfra.operations import python

from ostree_release.text import command
from tasks.client import servers
from tasks.client.trust import Trusting, certificate_file, client_lines, locked_out, mending, missed
from tasks.facts.rpm_ostree import ClientState
from tasks.pyinfra_gaps.failures import drop, failed
from tasks.releases.call import call, look, say
from tasks.releases.laptop_signature import sign_here
from tasks.server.image_servers import concerns, is_server
from tasks.settings.load import Followed, load_client, load_server, resolve
from tasks.settings.reader import SettingsError
from tasks.signing import laptop_keys
from tasks.signing.keyring import has_secret

NEW = "new"
_heard: dict[str, tuple[str, ...]] = {}  # all clients have been heard when pyinfra executes


@dataclass(frozen=True)
class Change:
    """What was asked for.

    + action: introduce, use or withdraw
    + key: NEW, a file, or a fingerprint

    + force: withdraw though a client trusts no other key. For the server, a file is `-`, and `content` what
      is in it
    + sign: fingerprint of the key on this machine that signs again what is kept, or None
    """

    action: str
    key: str
    force: bool
    content: bytes | None = None
    sign: str | None = None


def show(state: State, host: Host, keys: dict[str, Any]) -> bool:
    """Show each client with the keys it trusts."""
    found = clients(host, keys["environment"])
    for line in client_lines(found, [each["fingerprint"] for each in keys["keys"]]):
        host.log(line)
    return True


def carry_out(state: State, host: Host, keys: dict[str, Any], wanted: Change) -> bool:
    """Introduce, use or withdraw a key, and say which clients have to be given one.

    + state: pyinfra's
    + host: the server
    + keys: what `keys` says
    + wanted: what is done, as the server is told

    Returns False when it was refused, with the reason said.
    """
    to, action, key = keys["environment"], wanted.action, wanted.key
    trusted = [each["fingerprint"] for each in keys["keys"]]
    if action == "withdraw" and not wanted.force:
        out = locked_out(clients(host, to), [each for each in trusted if each != key])
        if out:
            return failed(
                host,
                f"{', '.join(out)} may trust no other key than {key} and would be left without updates: "
                f"{command(mending(out))}; or, for clients that are gone, add --data force=yes",
            )
    if wanted.sign:
        entry = next(each for each in keys["keys"] if each["fingerprint"] == wanted.sign)
        for version in entry["unsigned"]:
            if not sign_here(host, to, version, wanted.sign, {"version": version}):
                return False
    change_it = StringCommand("sudo -n ostree-release keys", action, join([key, f"--to={to}"]))
    stdin = None if wanted.content is None else _armored(wanted.content)
    result = call(host, change_it, "promoter", f"keys {action}", stdin)
    if "error" in result:
        return failed(host, result["error"])
    late = missed(clients(host, to), result["key"]) if action != "withdraw" else []
    if late:
        host.log(f"{', '.join(late)} do not trust it yet")
        result["next"] = mending(late)
    say(host, f"keys {action}", result)
    return True


def _armored(content: bytes) -> str:
    """Return an exported key as text, because that is what pyinfra hands to a command."""
    if content.lstrip().startswith(b"-----BEGIN PGP "):
        return content.decode("ascii", errors="replace")
    kind = "PRIVATE" if has_secret(content) else "PUBLIC"
    lines = base64.encodebytes(content).decode()
    return f"-----BEGIN PGP {kind} KEY BLOCK-----\n\n{lines}-----END PGP {kind} KEY BLOCK-----\n"


def rotate_here(host: Host, to: str, change: Change | None) -> None:
    """Hear a client, or show a server's keys and add what changes them.

    + host: a host of the run
    + to: environment
    + change: what was asked for; None to look only
    """
    if not concerns(host):
        _hear(host, to)
        return
    keys = look(host, "keys", "promoter", "keys", to=to)
    if keys is None:
        return
    say(host, "keys", keys)
    if change is None:
        python.call(name="Clients", function=show, keys=keys)
        return
    try:
        if change.action != "introduce":
            wanted = replace(change, key=change.key.upper())
        elif change.key != NEW:
            wanted = replace(change, key="-", content=Path(change.key).expanduser().read_bytes())
        else:
            wanted = change
        if change.action == "use":
            published = {each["fingerprint"]: each for each in keys["keys"]}
            entry = published.get(wanted.key)
            if entry and entry["here"] is False and entry["unsigned"]:
                wanted = replace(wanted, sign=laptop_keys.find(wanted.key, published))
    except OSError as error:
        drop(host, f"{change.key}: {error.strerror}")
        return
    except laptop_keys.LaptopKeyError as error:
        drop(host, f"{error}; nothing was changed")
        return
    title = f"{change.action.capitalize()} {change.key}"
    python.call(name=title, function=carry_out, keys=keys, wanted=wanted)


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
