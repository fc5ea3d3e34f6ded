"""What a client is to trust: one environment's key, one certificate authority, one address."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tasks.client.deployments import Machine
from tasks.client.keyring import fingerprints

CERTIFICATES = "/etc/ostree/certificates"


def certificate_file(remote: str) -> str:
    """Return the path of the certificate file that belongs to a remote."""
    return f"{CERTIFICATES}/{remote}.crt"


@dataclass(frozen=True)
class Remote:
    """A remote as it is to be declared. key: binary OpenPGP; certificate: PEM text, "" for a public CA's."""

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

    Args:
        machine: the client, read for this remote.
        remote: what it should be.

    Returns:
        One phrase per difference; none if nothing has to be done.

    Raises:
        ValueError: the wanted key is not an OpenPGP key.
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
