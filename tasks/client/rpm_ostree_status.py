"""What a client runs and follows, read from `rpm-ostree status --json`. Pure functions.

The shapes are plain dictionaries because pyinfra compares, prints and fakes facts as such.
"""

import re
from typing import Any, TypedDict

from ostree_release.text import short
from tasks.client.boot_health import Health

BOOT_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TEXT, _NUMBER = (None, str), (None, int)
# What is used of `rpm-ostree status --json`.
STATUS = {
    "deployments": [
        {
            "checksum": str,
            "timestamp": int,
            "booted": bool,
            "staged?": bool,
            "origin?": _TEXT,
            "container-image-reference?": _TEXT,
            "version?": _TEXT,
            "base-checksum?": _TEXT,
            "base-version?": _TEXT,
            "base-timestamp?": _NUMBER,
        }
    ],
    "transaction?": (None, [str]),
}


class Deployment(TypedDict):
    """One bootable tree of a client; `base` is the commit that the server made, without layered packages."""

    checksum: str
    base: str
    version: str
    timestamp: int
    origin: str
    booted: bool
    staged: bool


class Machine(TypedDict):
    """Everything about one client that decisions need, from one remote command.

    + problem: one line, when rpm-ostree's state could not be read
    + architecture: as `uname -m` says it
    + remote: the settings of its remote's file
    + keyring: fingerprints the remote trusts
    + ca: SHA-256 of the certificate file, "" without one
    + health: what it says of this boot
    + health_unit: the unit that says it, as health.parse_unit returns it
    """

    problem: str | None
    boot_id: str
    architecture: str
    deployments: list[Deployment]
    transaction: str | None
    remote: dict[str, str]
    keyring: list[str]
    ca: str
    health: Health | None
    health_unit: str


def parse_status(status: dict[str, Any]) -> tuple[list[Deployment], str | None]:
    """Take from rpm-ostree's status what is used here.

    + status: the parsed document of `rpm-ostree status --json`, of shape STATUS

    Returns the deployments in its order (the first one is booted next) and the title of a running
    transaction.
    """
    deployments = [
        Deployment(
            checksum=entry["checksum"],
            base=entry.get("base-checksum") or entry["checksum"],
            version=entry.get("base-version") or entry.get("version") or "",
            timestamp=entry.get("base-timestamp") or entry["timestamp"],
            origin=entry.get("origin") or entry.get("container-image-reference") or "",
            booted=entry["booted"],
            staged=entry.get("staged", False),
        )
        for entry in status["deployments"]
    ]
    transaction = status.get("transaction")
    return deployments, transaction[0] if transaction else None


def booted(machine: Machine) -> Deployment | None:
    """Return the deployment that runs."""
    return next((deployment for deployment in machine["deployments"] if deployment["booted"]), None)


def pending(machine: Machine) -> Deployment | None:
    """Return the deployment that the next boot takes, if that is another one than the running one."""
    deployments = machine["deployments"]
    return deployments[0] if deployments and not deployments[0]["booted"] else None


def rollback(machine: Machine) -> Deployment | None:
    """Return the deployment after the booted one: what `rpm-ostree rollback` would go back to."""
    deployments = machine["deployments"]
    position = next((n for n, deployment in enumerate(deployments) if deployment["booted"]), len(deployments))
    return deployments[position + 1] if position + 1 < len(deployments) else None


def named(deployment: Deployment | None) -> str:
    """Name a deployment for a person: version and the beginning of the server's checksum."""
    if deployment is None:
        return "-"
    return f"{deployment['version'] or 'no version'} ({short(deployment['base'])})"
