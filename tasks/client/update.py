"""What rebase.py and upgrade.py do for each client: look, say what would happen, add the operations."""

from base64 import b64decode

from pyinfra.api import Host
from pyinfra.api.operation import OperationMeta

from tasks.client import servers
from tasks.client.boot_health import unit_change
from tasks.client.decisions import decide_rebase, foreign, target
from tasks.client.trust import Remote, certificate_file
from tasks.facts.rpm_ostree import ClientState
from tasks.operations import health_reports, ostree, rpm_ostree
from tasks.pyinfra_gaps import failures
from tasks.server.image_servers import is_server
from tasks.settings.load import load_client, load_server, resolve
from tasks.settings.reader import SettingsError


def rebase_client(host: Host, to: str | None, reboot: bool) -> None:
    """Make a client follow what its settings, or the caller, say.

    + host: a host of the run; repository servers are left alone
    + to: what to follow; None for the client's own setting
    + reboot: whether to boot what is staged, and check it
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
        published = servers.trust(server_host, server.published, environment.name)
        status = servers.release_status(server_host)
        key = b64decode(published["key"], validate=True)
        wanted = Remote(followed.remote, environment.url, key, published["certificate"])
        machine = host.get_fact(ClientState, remote=wanted.name, ca_file=certificate_file(wanted.name))
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
    ostree.remote(name="Declare the remote", wanted=wanted)
    if unit_change(machine["health_unit"], client.health_reports):
        health_reports.reporting(name="Health reports", wanted=client.health_reports)
    staging = rpm_ostree.rebase(name="Rebase", refspec=refspec, wanted=there, reboots=reboot)
    _boot(host, reboot, staging)


def upgrade_client(host: Host, reboot: bool) -> None:
    """Stage what the ref that a client follows has now.

    + host: a host of the run; repository servers are left alone
    + reboot: whether to boot what is staged, and check it
    """
    if is_server(host):
        return
    failures.watch(host.state)
    decision = rpm_ostree.due(host)
    if decision.action == "fail":
        failures.drop(host, decision.line)
        return
    staging = rpm_ostree.upgrade(name="Upgrade", reboots=reboot)
    _boot(host, reboot, staging)


def _boot(host: Host, reboot: bool, staging: OperationMeta) -> None:
    """Add the reboot if it was asked for; whether something is staged is known by now only in a plan."""
    if reboot:
        coming = host.state.should_check_for_changes() and staging.will_change
        rpm_ostree.booted(name="Reboot and check", coming=coming)
