"""What a client boots: rebase it, upgrade it, reboot it and look at what came up."""

from pyinfra.api import FunctionCommand, Host, QuoteString, State, StringCommand, operation
from pyinfra.context import host, state

from tasks.client.decisions import Decision, Target, check_boot, decide_rebase, decide_upgrade, unable
from tasks.client.reboot import NotBackError, reboot_and_wait
from tasks.client.rpm_ostree_status import Deployment, named, pending
from tasks.facts.error_messages import client_reason
from tasks.facts.ostree import PublishedRef
from tasks.facts.rpm_ostree import ClientState
from tasks.operations.remote_script import Commands
from tasks.pyinfra_gaps.failures import failed
from tasks.pyinfra_gaps.messages import tell

_KINDS = ("Upgraded:", "Downgraded:", "Removed:", "Added:")


@operation()
def rebase(refspec: str, wanted: Target | None = None, reboots: bool = False) -> Commands:
    """Make a client follow a ref. The tree is staged; it runs after the next reboot.

    + refspec: REMOTE:REF
    + wanted: version, checksum and timestamp of what the server has there, if that is known
    + reboots: an operation after this one reboots

    **Example:**

    .. code:: python

        rpm_ostree.rebase(
            name="Rebase", refspec="kinoite-prod:fedora/x86_64/kinoite/stable", wanted=None, reboots=False
        )
    """
    decision = decide_rebase(host.get_fact(ClientState), refspec, Target(*wanted) if wanted else None)
    options = ["--disallow-downgrade"] if decision.forbid_older else []
    yield from _staged(decision, reboots, "rebase", *options, refspec)


@operation()
def upgrade(reboots: bool = False) -> Commands:
    """Stage what the ref that a client follows has now, as the client itself sees it.

    + reboots: an operation after this one reboots

    **Example:**

    .. code:: python

        rpm_ostree.upgrade(name="Upgrade", reboots=True)
    """
    yield from _staged(due(host), reboots, "upgrade")


def due(host: Host) -> Decision:
    """Look what a client runs and what the ref that it follows has now, and decide whether it is upgraded."""
    machine = host.get_fact(ClientState)
    reason = unable(machine)
    if reason:
        return Decision("fail", reason)
    origin = machine["deployments"][0]["origin"]
    remote, colon, ref = origin.partition(":")
    if not colon or "/" in remote:
        words = f"follows {origin or 'nothing'}, which is no ref of a remote: run tasks/rebase.py first"
        return Decision("fail", words)
    published = host.get_fact(PublishedRef, remote=remote, ref=ref)
    if published["problem"]:
        return Decision("fail", published["problem"])
    return decide_upgrade(machine, published["checksum"], published["version"])


def _staged(decision: Decision, reboots: bool, *words: str) -> Commands:
    """Do what was decided and say it, when it is planned as well as when it is done."""
    if decision.action == "fail":
        yield FunctionCommand(refuse, (decision.line,), {})
        return
    tell(decision.line)
    if decision.waits and not reboots:
        tell("then a reboot is pending: reboot it, or run this again with --data reboot=yes")
    if decision.action == "none":
        host.noop(decision.line)
        return
    command = StringCommand("sudo", "-n", "rpm-ostree", *map(QuoteString, words))
    yield FunctionCommand(stage, (command.get_raw_value(),), {})


@operation()
def booted(coming: bool = False) -> Commands:
    """Boot what is staged, if something is, and check that the client runs it afterwards.

    + coming: an operation before this one stages something, as far as a plan can see

    **Example:**

    .. code:: python

        rpm_ostree.booted(name="Reboot", coming=True)
    """
    machine = host.get_fact(ClientState)
    if machine["problem"]:
        yield FunctionCommand(refuse, (machine["problem"],), {})
        return
    waiting = pending(machine)
    if waiting is None and (state.is_executing or not coming):
        host.noop("nothing is staged: no reboot")
        return
    yield FunctionCommand(reboot, (machine["boot_id"], waiting), {})


def refuse(state: State, host: Host, reason: str) -> bool:
    """Fail with a reason that was clear before anything was started."""
    return failed(host, reason)


def stage(state: State, host: Host, command: str) -> bool:
    """Run rpm-ostree, and say which packages change.

    Returns False if it failed, with the reason said.
    """
    success, output = host.run_shell_command(StringCommand(command))
    if not success:
        return failed(host, client_reason(output.stderr_lines or output.stdout_lines))
    for line in package_changes(output.stdout_lines):
        host.log(line)
    waiting = pending(host.get_fact(ClientState))
    host.log(f"{named(waiting)} is staged and waits for a reboot" if waiting else "nothing is staged")
    return True


def reboot(state: State, host: Host, boot_id: str, expected: Deployment) -> bool:
    """Reboot a client, wait until it is back, and check what it booted.

    Returns False if it did not come back in time, or with something else, with the reason said.
    """
    try:
        reboot_and_wait(host, boot_id)
    except NotBackError as error:
        return failed(host, str(error))
    machine = host.get_fact(ClientState)
    reason = check_boot(machine, boot_id, expected)
    if reason:
        return failed(host, reason)
    host.log(f"booted {named(expected)}, follows {expected['origin']}")
    return True


def package_changes(lines: list[str]) -> list[str]:
    """Take the package changes from what rpm-ostree prints after it has staged something.

    + lines: its standard output

    Returns one line per package: "upgraded hello 1.0-1 -> 1.1-1", "added newtool-1.0-1.noarch".
    """
    changes = []
    kind = None
    for line in lines:
        if line in _KINDS:
            kind = line.removesuffix(":").lower()
        elif kind and line.startswith("  "):
            changes.append(f"{kind} {line.strip()}")
        else:
            kind = None
    return changes
