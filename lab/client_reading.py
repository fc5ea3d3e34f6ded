"""What a client runs, read with its own programs: rpm-ostree, ostree and the kernel."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import Any

from lab import connection
from lab.errors import LabError
from lab.state import Lab, Machine

# Where libostree puts these in the tuple that describes one signature (ostree-gpg-verify-result.h).
_VALID = 0
_PRIMARY_KEY = 12


@dataclass(frozen=True)
class Reading:
    """What a client has booted; `signing_key` is "" without a signature by a key that the client trusts."""

    version: str
    checksum: str
    boot_id: str
    origin: str
    signing_key: str

    @property
    def remote(self) -> str:
        return self.origin.partition(":")[0]

    @property
    def boot(self) -> tuple[str, str, str]:
        """What stays the same as long as nothing else is booted, whomever the client trusts."""
        return self.checksum, self.origin, self.boot_id

    def words(self) -> str:
        """Say it on one line."""
        key = f"signed by {self.signing_key[-16:]}" if self.signing_key else "no signature that it trusts"
        return f"{self.version} {self.checksum[:12]} from {self.origin}, {key}, boot {self.boot_id[:8]}"


def read_client(lab: Lab, machine: Machine) -> Reading:
    """Ask a client what it runs.

    Raises LabError: it does not answer, or rpm-ostree and ostree do not agree on what runs.
    """
    try:
        deployment = booted(json.loads(connection.run(lab, machine, "rpm-ostree status --json")))
        checksum = str(deployment["checksum"])
    except (ValueError, KeyError, TypeError) as error:
        raise LabError(f"{machine.name}: rpm-ostree status --json cannot be read: {error!r}") from None
    origin = str(deployment.get("origin", ""))
    marked = connection.run(lab, machine, "sudo ostree admin status")
    if not re.search(rf"^\* \S+ {checksum}\.\d+", marked, re.MULTILINE):
        raise LabError(f"{machine.name}: rpm-ostree says it runs {checksum[:12]}, and ostree does not")
    key = signing_key(deployment)
    if key:
        # rpm-ostree keeps what it once found about a commit, and says so when other keys are trusted, too.
        remote = shlex.quote(origin.partition(":")[0])
        shown = connection.run(lab, machine, f"sudo ostree show --gpg-verify-remote={remote} {checksum}")
        if "Good signature" not in shown or key[-16:] not in shown:
            key = ""
    return Reading(
        version=str(deployment.get("version", "")),
        checksum=checksum,
        boot_id=connection.boot_id(lab, machine),
        origin=origin,
        signing_key=key,
    )


def booted(status: dict[str, Any]) -> dict[str, Any]:
    """Return the deployment that runs, from `rpm-ostree status --json`."""
    found: dict[str, Any] | None = next((each for each in status["deployments"] if each["booted"]), None)
    if found is None:
        raise LabError("rpm-ostree shows no booted deployment")
    return found


def signing_key(deployment: dict[str, Any]) -> str:
    """Return the fingerprint of the key that made a valid signature on a deployment's commit, or ""."""
    for signature in deployment.get("signatures") or ():
        if signature[_VALID]:
            return str(signature[_PRIMARY_KEY])
    return ""


def wrong_key_script(remote: str, key: str) -> str:
    """Return a shell command that makes a client trust another key for a remote, and keeps the remote's rest.

    + remote: name of the remote
    + key: the other public key, in base64
    """
    keyring = f"/ostree/repo/{remote}.trustedkeys.gpg"
    script = (
        "mount -o remount,rw /sysroot; "
        f"rm -f {shlex.quote(keyring)}; "
        f"printf %s {shlex.quote(key)} | base64 --decode > /run/other.gpg; "
        f"ostree remote gpg-import --keyring=/run/other.gpg {shlex.quote(remote)}"
    )
    return f"sudo unshare --mount /bin/sh -ec {shlex.quote(script)} && echo done"
