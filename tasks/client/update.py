"""What rebase.py and upgrade.py do for each client: look, say what would happen, add the operations."""

from __future__ import annotations

from pyinfra.api import Host

from tasks.client import servers
from tasks.client.follow import decide_rebase, decide_upgrade, foreign, target, unable
from tasks.client.health import unit_change
from tasks.client.machine import pending
from tasks.client.trust import Remote, certificate_file, differences
from tasks.facts.ostree import PublishedRef, decoded
from tasks.facts.rpm_ostree import ClientState
from tasks.operations import health, ostree, rpm_ostree
from tasks.pyinfra_gaps import failures
from tasks.server.image_servers import is_server
from tasks.settings.values import SettingsError, load_client, load_server, resolve


def rebase_client(host: Host, to: str | None, reboot: bool) -> None:
    """Make a client follow what its settings, or the caller, say.

    Args:
        host: a host of the run; repository servers are left alone.
        to: what to follow; None for the client's own setting.
        reboot: whether to boot what is staged, and check it.
    """
    if is_server(host):
        return
    failures.watch(host.state)
    client = load_client(host)
    try:
        server_host = servers.find(host, client.image_server)
        server = load_server(server_host)
        followed = resolve(server, to or client.follows)
        environment = followed.environment
        published = servers.trust(server_host, f"{server.base_path}/keys", environment.name)
        status = servers.release_status(server_host)
        wanted = Remote(followed.remote, environment.url, decoded(published), published["certificate"])
        machine = host.get_fact(ClientState, remote=wanted.name, ca_file=certificate_file(wanted.name))
        changes = differences(machine, wanted)
    except (servers.ServerError, SettingsError, ValueError) as error:
        failures.drop(host, str(error))
        return
    refspec = f"{followed.remote}:{followed.ref}"
    there = target(status, environment.name, followed.ref)
    decision = decide_rebase(machine, refspec, there)
    reason = decision.line if decision.action == "fail" else foreign(machine, server.architecture)
    if reason:
        failures.drop(host, reason)
        return
    for change in changes:
        host.log(change)
    host.log(decision.line)
    ostree.remote(
        name="Declare the remote",
        remote_name=wanted.name,
        url=wanted.url,
        key=wanted.key,
        certificate=wanted.certificate,
    )
    if unit_change(machine["health_unit"], client.health_reports):
        health.reporting(name="Health reports", wanted=client.health_reports)
    rpm_ostree.rebase(name="Rebase", refspec=refspec, wanted=there)
    _boot(host, reboot, expected=decision.action == "rebase" or pending(machine) is not None)


def upgrade_client(host: Host, reboot: bool) -> None:
    """Stage what the ref that a client follows has now.

    Args:
        host: a host of the run; repository servers are left alone.
        reboot: whether to boot what is staged, and check it.
    """
    if is_server(host):
        return
    failures.watch(host.state)
    machine = host.get_fact(ClientState)
    reason = unable(machine)
    if reason:
        failures.drop(host, reason)
        return
    origin = machine["deployments"][0]["origin"]
    remote, colon, ref = origin.partition(":")
    if not colon or "/" in remote:
        failures.drop(
            host, f"follows {origin or 'nothing'}, which is no ref of a remote: run tasks/rebase.py first"
        )
        return
    published = host.get_fact(PublishedRef, remote=remote, ref=ref)
    if published["problem"]:
        failures.drop(host, published["problem"])
        return
    decision = decide_upgrade(machine, published["checksum"], published["version"])
    host.log(decision.line)
    rpm_ostree.upgrade(name="Upgrade")
    _boot(host, reboot, expected=decision.action == "upgrade" or pending(machine) is not None)


def _boot(host: Host, reboot: bool, expected: bool) -> None:
    """Add the reboot if it was asked for; else say how to get one, if there is something to boot."""
    if reboot:
        rpm_ostree.booted(name="Reboot and check", coming=expected)
    elif expected:
        host.log("then a reboot is pending: reboot it, or run this again with --data reboot=yes")
