"""What has to happen so that a client follows what it should. Pure decisions on plain data."""

from typing import Any, Literal, NamedTuple

from ostree_release.text import short
from tasks.client.rpm_ostree_status import Deployment, Machine, booted, named, pending


class Target(NamedTuple):
    """What a server has under a ref.

    + timestamp: seconds since 1970, UTC
    """

    version: str
    checksum: str
    timestamp: int

    def __str__(self) -> str:
        return f"{self.version} ({short(self.checksum)})"


class Decision(NamedTuple):
    """What to do with a client.

    + line: says so; of "fail" it is the reason
    + waits: whether it then waits for a reboot
    """

    action: Literal["none", "rebase", "upgrade", "fail"]
    line: str
    forbid_older: bool = False
    waits: bool = True


def target(status: dict[str, Any], environment: str, ref: str) -> Target | None:
    """Find what a server has under a ref.

    + status: the document of `ostree-release status`
    + environment: name of the environment that the ref belongs to
    + ref: the ref

    Returns the newest build or release there; None if there is none, or if the status could not be read.
    """
    entry = status.get("environments", {}).get(environment, {})
    if entry.get("composed"):
        commit = entry.get("build") if entry.get("ref") == ref else None
    else:
        commit = next((ring["release"] for ring in entry.get("rings", ()) if ring.get("ref") == ref), None)
    return Target(commit["version"], commit["checksum"], commit["timestamp"]) if commit else None


def unable(machine: Machine) -> str | None:
    """Say why a client cannot be worked on now, in one line; None if it can."""
    if machine["problem"]:
        return machine["problem"]
    if machine["transaction"]:
        return f"busy: another rpm-ostree transaction is running ({machine['transaction']}); try again later"
    if booted(machine) is None:
        return "rpm-ostree shows no booted deployment"
    return None


def foreign(machine: Machine, architecture: str) -> str | None:
    """Say why a server's images are not for a client, in one line; None if they are.

    + machine: the client; one that can be worked on
    + architecture: of the images, as `uname -m` says it
    """
    if machine["architecture"] == architecture:
        return None
    found = machine["architecture"] or "of an architecture that cannot be read"
    return (
        f"the client is {found}, its server's ostree_architecture says {architecture}: such an image would"
        " not boot, so it is not rebased"
    )


def decide_rebase(machine: Machine, refspec: str, wanted: Target | None) -> Decision:
    """Decide whether a client has to be rebased.

    What the next boot takes counts, not what runs: a rebase may be staged already.

    + machine: the client
    + refspec: REMOTE:REF that it is to follow
    + wanted: what the server has there, as far as it is known

    Returns "none", "rebase" or "fail". forbid_older: only the remote changes and the ref's name stays, so
    that an older commit would be a downgrade along one line, not another line.
    """
    reason = unable(machine)
    if reason:
        return Decision("fail", reason)
    first = machine["deployments"][0]
    if first["origin"] == refspec:
        return _nothing(machine, f"follows {refspec} already, with {named(first)}")
    same_ref = first["origin"].partition(":")[2] == refspec.partition(":")[2]
    line = f"{first['origin'] or 'nothing'} {named(first)} -> {refspec} {wanted or ''}".rstrip()
    if wanted and wanted.timestamp < first["timestamp"]:
        if same_ref:
            return Decision(
                "fail",
                f"{refspec} has {wanted}, which is older than {named(first)} of the same ref: not rebased",
            )
        line += "; that is older: accepted, because it now follows something else"
    return Decision("rebase", line, forbid_older=same_ref)


def decide_upgrade(machine: Machine, checksum: str, version: str) -> Decision:
    """Decide whether a client has something to stage.

    + machine: the client; one that can be worked on
    + checksum: commit that the ref it follows names now
    + version: that commit's version

    Returns "none" or "upgrade".
    """
    first = machine["deployments"][0]
    if first["base"] == checksum:
        return _nothing(machine, f"{first['origin']} has nothing newer than {named(first)}")
    return Decision("upgrade", f"{first['origin']} {named(first)} -> {version} ({short(checksum)})")


def check_boot(machine: Machine, boot_before: str, expected: Deployment) -> str | None:
    """Say what is wrong after a reboot, in one line; None if the client runs what it should.

    + machine: the client, read after the reboot
    + boot_before: its boot id before
    + expected: the deployment that was to be booted
    """
    if machine["problem"]:
        return f"rebooted, but its state cannot be read: {machine['problem']}"
    if machine["boot_id"] == boot_before:
        return "did not reboot"
    running = booted(machine)
    if running is None or running["checksum"] != expected["checksum"]:
        return (
            f"fell back: booted {named(running)}, because {named(expected)} did not come up, or was not "
            "finished at shutdown"
        )
    return None


def _nothing(machine: Machine, line: str) -> Decision:
    waiting = pending(machine)
    more = f"; {named(waiting)} is staged and waits for a reboot" if waiting else ""
    return Decision("none", f"{line}{more}", waits=waiting is not None)
