"""What a client is to trust: one environment's key, one certificate authority, one address."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ostree_release.model import following
from ostree_release.text import command
from tasks.client.rpm_ostree_status import Machine
from tasks.signing.keyring import fingerprints

CERTIFICATES = "/etc/ostree/certificates"


def certificate_file(remote: str) -> str:
    """Return the path of the certificate file that belongs to a remote."""
    return f"{CERTIFICATES}/{remote}.crt"


@dataclass(frozen=True)
class Remote:
    """A remote as it is to be declared.

    + key: binary OpenPGP
    + certificate: PEM text, "" for a public CA's
    """

    name: str
    url: str
    key: bytes
    certificate: str

    @property
    def settings(self) -> dict[str, str]:
        """The settings of its file in /etc/ostree/remotes.d, all of them."""
        settings = {"url": self.url, "gpg-verify": "true"}
        if self.certificate:
            settings["tls-ca-path"] = certificate_file(self.name)
        return settings


def differences(machine: Machine, remote: Remote) -> list[str]:
    """Say what of a remote is not as it should be.

    Every setting counts, also one that somebody added: another key path or a proxy decides what is trusted.

    + machine: the client, read for this remote
    + remote: what it should be

    Returns one phrase per difference; none if nothing has to be done.

    Raises ValueError: the wanted key is not an OpenPGP key.
    """
    found: list[str] = []
    if not machine["remote"]:
        found.append(f"remote {remote.name} is added")
    else:
        for key in sorted({*machine["remote"], *remote.settings}):
            old, new = machine["remote"].get(key), remote.settings.get(key)
            if old != new:
                found.append(f"{key}: {old or 'not set'} -> {new or 'not set'}")
    wanted = fingerprints(remote.key)
    if machine["keyring"] != wanted:
        found.append(f"trusted key: {_keys(machine['keyring'])} -> {_keys(wanted)}")
    digest = hashlib.sha256(remote.certificate.encode()).hexdigest() if remote.certificate else ""
    if digest and machine["ca"] != digest:
        found.append("certificate of the CA is " + ("replaced" if machine["ca"] else "installed"))
    return found


def _keys(keyring: list[str]) -> str:
    return " ".join(key[-16:] for key in keyring) or "none"


@dataclass(frozen=True)
class Trusting:
    """A client of an environment.

    + keys: fingerprints that it trusts, None where it could not be asked
    """

    name: str
    keys: tuple[str, ...] | None


def missed(clients: Sequence[Trusting], key: str) -> list[str]:
    """Name the clients that are set up and do not trust a key."""
    return [each.name for each in clients if each.keys and key not in each.keys]


def locked_out(clients: Sequence[Trusting], left: Collection[str]) -> list[str]:
    """Name the clients that would trust none of the keys that are left, or may: those that were not asked.

    One without any key is not set up yet, and is given what is published then.
    """
    return [
        each.name for each in clients if each.keys is None or (each.keys and not set(each.keys) & set(left))
    ]


def mending(names: Sequence[str]) -> dict[str, Any]:
    """Return the step that gives clients the keys that are published."""
    return {**following("rebase"), "limit": names}


def client_lines(clients: Sequence[Trusting], published: Sequence[str]) -> list[str]:
    """Show each client, and how those are mended that miss a key."""
    lines = []
    for each in clients:
        trusts = f"trusts {', '.join(key[-16:] for key in each.keys)}" if each.keys else "not set up yet"
        lines.append(f"  {each.name}: {'could not be asked' if each.keys is None else trusts}")
    for key in published:
        names = missed(clients, key)
        if names:
            lines.append(f"{', '.join(names)} missed {key}: {command(mending(names))}")
    return lines
