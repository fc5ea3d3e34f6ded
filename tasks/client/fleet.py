"""How the whole fleet stands, as data and as tables. Pure functions."""

from typing import Any, TypedDict

from ostree_release.text import table
from tasks.client.boot_health import Health, in_words
from tasks.client.decisions import Target, target
from tasks.client.rpm_ostree_status import Deployment, Machine, booted, named, pending, rollback
from tasks.facts.release import worded
from tasks.settings.declared import Server
from tasks.settings.load import resolve

COLOURS = {"up to date": "green", "behind": "yellow", "reboot pending": "yellow"}


class ClientRow(TypedDict):
    """One client.

    + state: "up to date", "behind", "reboot pending", "follows something else", "not known" (what the server
      has), "no answer" or "unreachable"
    """

    name: str
    state: str
    detail: str
    follows: str
    booted: Deployment | None
    pending: Deployment | None
    rollback: Deployment | None
    health: Health | None


class Fleet(TypedDict):
    """Everything that tasks/status.py shows.

    + servers: the answer of `ostree-release status` by name
    """

    servers: dict[str, dict[str, Any]]
    clients: list[ClientRow]


def unknown(name: str, detail: str, state: str = "no answer") -> ClientRow:
    """Make the row of a client whose deployments are not known: unreachable, or reached without an answer."""
    return ClientRow(
        name=name,
        state=state,
        detail=detail,
        follows="",
        booted=None,
        pending=None,
        rollback=None,
        health=None,
    )


def client_row(name: str, machine: Machine, wanted: str, server: Server, status: dict[str, Any]) -> ClientRow:
    """Judge one client.

    + name: its name in the inventory
    + machine: what it said
    + wanted: what its settings say it follows
    + server: its server's settings
    + status: its server's answer

    Returns the row. What the next boot takes is compared with what the server has under the ref it follows.

    Raises SettingsError: the settings name something that the server does not have.
    """
    running = booted(machine)
    if machine["problem"] or running is None:
        return unknown(name, machine["problem"] or "no booted deployment")
    first = machine["deployments"][0]
    waiting = pending(machine)
    follows, there = _followed(first["origin"], server, status)
    followed = resolve(server, wanted)
    detail = "" if first["origin"] == f"{followed.remote}:{followed.ref}" else f"settings: {wanted}"
    if follows is None:
        state = "follows something else"
    elif there is None:
        state, detail = "not known", "the server does not say what is there"
    elif first["base"] != there.checksum:
        state, detail = "behind", "; ".join(filter(None, [f"{there.version} is there", detail]))
    else:
        state = "reboot pending" if waiting else "up to date"
    return {
        **unknown(name, detail, state),
        "follows": follows or first["origin"],
        "booted": running,
        "pending": waiting,
        "rollback": rollback(machine),
        "health": machine["health"],
    }


def _followed(origin: str, server: Server, status: dict[str, Any]) -> tuple[str | None, Target | None]:
    """Name what an origin stands for on a server, and find what is there."""
    remote, _, ref = origin.partition(":")
    for environment in server.environments:
        if remote == f"{server.image_name}-{environment.name}":
            names = [f"{environment.name}/{ring.name}" for ring in environment.rings if ring.ref == ref]
            names += [environment.name] if environment.composed and environment.ref == ref else []
            return (names[0] if names else None), target(status, environment.name, ref)
    return None, None


def news(row: ClientRow, status: dict[str, Any]) -> dict[str, Any] | None:
    """Find what a client says about its boot that its server does not know yet.

    + row: the client
    + status: its server's answer

    Returns the report for `ostree-release report-health`; None without one, or where the client runs no
    build: the gate `soak` is about builds.
    """
    health, runs = row["health"], row["booted"]
    environment = status.get("environments", {}).get(row["follows"], {})
    if health is None or runs is None or not environment.get("composed"):
        return None
    report = {"client": row["name"], "checksum": runs["base"], **health}
    known = [{key: each[key] for key in report if key in each} for each in environment.get("reports", ())]
    return None if report in known else report


def server_lines(name: str, status: dict[str, Any]) -> list[str]:
    """Show what every environment and ring of a server has."""
    if "error" in status:
        return [f"{name}: {status['error']}"]
    return [f"Server {name}", *worded("status", status)]


def client_lines(rows: list[ClientRow]) -> list[str]:
    """Show every client, in the inventory's order."""
    if not rows:
        return []
    cells = [
        [
            row["name"],
            row["follows"] or "-",
            row["state"],
            in_words(row["health"]),
            named(row["booted"]),
            named(row["pending"]),
            named(row["rollback"]),
            row["detail"],
        ]
        for row in rows
    ]
    return table([["client", "follows", "state", "health", "booted", "pending", "rollback", ""], *cells])
