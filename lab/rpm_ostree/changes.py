"""The commands that change what this machine boots: upgrade, rebase, deploy, rollback, cleanup."""

from __future__ import annotations

import subprocess

from lab.rpm_ostree import sysroot as machine
from lab.rpm_ostree.errors import FailedError
from lab.rpm_ostree.libostree import GLib, OSTree, message, packages_of
from lab.rpm_ostree.packages import difference
from lab.rpm_ostree.preview import forget, remember
from lab.rpm_ostree.pull import find_revision, pull, refuse_older
from lab.rpm_ostree.sysroot import Refspec
from lab.rpm_ostree.transaction import run, say

_REBOOT_LINE = 'Run "systemctl reboot" to start a reboot'
_QUEUED_LINE = f"Changes queued for next boot. {_REBOOT_LINE}"
# What the real client puts before the daemon's words here, and nowhere else.
_CLEANUP_BUSY = (
    "cleanup: Invoking cleanup: GDBus.Error:"
    "org.gtk.GDBus.UnmappedGError.Quark._g_2dio_2derror_2dquark.Code26: "
)


def upgrade(*, allow_downgrade: bool, unchanged_exit_77: bool, reboot: bool) -> int:
    """Stage what the followed ref has now."""

    def work() -> int:
        sysroot = machine.load(to_change=True)
        current = _next(sysroot)
        origin = machine.origin_of(current)
        limit = None if allow_downgrade else current.get_csum()
        new = pull(sysroot.repo(), origin, not_older_than=limit)
        if new == current.get_csum():
            say("No upgrade available.")
            return 77 if unchanged_exit_77 else 0
        staged = _stage(sysroot, new, origin)
        remember(sysroot, new, staged)
        return _finish(sysroot, new, reboot, _REBOOT_LINE)

    return run("Upgrade", "upgrade", work)


def rebase(refspec: str, revision: str | None, *, disallow_downgrade: bool, reboot: bool) -> int:
    """Follow another ref, and stage what it has, or a certain revision of it."""

    def work() -> int:
        sysroot = machine.load(to_change=True)
        current = _next(sysroot)
        old = machine.origin_of(current)
        asked = machine.parse_refspec(refspec)
        new = Refspec(asked.remote or old.remote, asked.ref)
        if new == old:
            raise FailedError(f"Old and new refs are equal: {new}")
        if new.ref == old.ref:
            say(f"Rebasing to {new}")
        repository = sysroot.repo()
        chosen = find_revision(repository, new, revision) if revision else None
        checksum = pull(repository, new, commit=chosen)
        if disallow_downgrade:
            refuse_older(repository, checksum, current.get_csum())
        _stage(sysroot, checksum, new, pinned=chosen)
        forget()
        # What is followed no more is not kept up to date: its ref would only be misleading.
        repository.set_ref_immediate(old.remote, old.ref, None, None)
        return _finish(sysroot, checksum, reboot, _QUEUED_LINE)

    return run("Rebase", f"rebase {refspec}", work)


def deploy(revision: str, *, disallow_downgrade: bool, unchanged_exit_77: bool, reboot: bool) -> int:
    """Stage a certain revision of the followed ref."""

    def work() -> int:
        sysroot = machine.load(to_change=True)
        current = _next(sysroot)
        origin = machine.origin_of(current)
        repository = sysroot.repo()
        chosen = find_revision(repository, origin, revision)
        limit = current.get_csum() if disallow_downgrade else None
        checksum = pull(repository, origin, commit=chosen, not_older_than=limit)
        if checksum == current.get_csum():
            say("No change.")
            return 77 if unchanged_exit_77 else 0
        _stage(sysroot, checksum, origin, pinned=chosen)
        return _finish(sysroot, checksum, reboot, _REBOOT_LINE)

    return run("Deploy", f"deploy {revision}", work)


def rollback(*, reboot: bool) -> int:
    """Put the previous deployment first; with one pending, the booted one."""

    def work() -> int:
        sysroot = machine.load(to_change=True)
        booted = sysroot.get_booted_deployment()
        pending, previous = sysroot.query_deployments_for(booted.get_osname())
        if pending is not None and pending.is_staged():
            raise FailedError("Staged deployment (remove with cleanup -p)")
        first = booted if pending is not None else previous
        if first is None:
            raise FailedError("No rollback deployment found")
        say(f"Moving '{machine.name(first)}' to be first deployment")
        rest = [one for one in sysroot.get_deployments() if not one.equal(first)]
        _write(sysroot, [first, *rest])
        return _finish(sysroot, first.get_csum(), reboot, _QUEUED_LINE)

    return run("Rollback", "rollback", work)


def cleanup(*, pending: bool, rollback: bool, temporary: bool) -> int:
    """Remove deployments that are not booted, or what an interrupted change left."""

    def work() -> int:
        sysroot = machine.load(to_change=True)
        booted = sysroot.get_booted_deployment()
        waiting, previous = sysroot.query_deployments_for(booted.get_osname())
        unwanted = [
            one for one, asked in ((waiting, pending), (previous, rollback)) if asked and one is not None
        ]
        found = sysroot.get_deployments()
        kept = [one for one in found if one.is_pinned() or not any(one.equal(gone) for gone in unwanted)]
        if len(kept) < len(found):
            _write(sysroot, kept)
            forget()
        elif pending or rollback:
            say("Deployments unchanged.")
        if temporary:
            sysroot.cleanup(None)
        return 0

    return run("Cleanup", "cleanup", work, when_busy=_CLEANUP_BUSY)


def _next(sysroot: OSTree.Sysroot) -> OSTree.Deployment:
    """The pending deployment, else the booted one: what the next change starts from."""
    booted = sysroot.get_booted_deployment()
    pending, _ = sysroot.query_deployments_for(booted.get_osname())
    return pending or booted


def _stage(
    sysroot: OSTree.Sysroot,
    checksum: str,
    origin: Refspec,
    *,
    pinned: str | None = None,
) -> str:
    """Stage a commit for the next boot, and return the deployment's identifier."""
    booted = sysroot.get_booted_deployment()
    described = sysroot.origin_new_from_refspec(str(origin))
    if pinned:
        described.set_string("origin", "override-commit", pinned)
    try:
        _, staged = sysroot.stage_tree(booted.get_osname(), checksum, described, booted, None, None)
    except GLib.Error as error:
        raise FailedError(f"Staging deployment: {message(error)}") from None
    say("Staging deployment...done")
    return f"{booted.get_osname()}-{machine.name(staged)}"


def _write(sysroot: OSTree.Sysroot, deployments: list[OSTree.Deployment]) -> None:
    """Write what can be booted, in its order; what libostree has to say about it is said."""
    saying = sysroot.connect("journal-msg", lambda _, line: say(line))
    try:
        sysroot.write_deployments(deployments, None)
    except GLib.Error as error:
        raise FailedError(message(error)) from None
    finally:
        sysroot.disconnect(saying)


def _finish(sysroot: OSTree.Sysroot, checksum: str, reboot: bool, last_line: str) -> int:
    repository = sysroot.repo()
    booted = sysroot.get_booted_deployment().get_csum()
    for line in difference(packages_of(repository, booted), packages_of(repository, checksum)).block():
        say(line)
    if reboot:
        subprocess.run(["systemctl", "reboot"], check=True)
    else:
        say(last_line)
    return 0
