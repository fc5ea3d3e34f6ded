"""The deployments of this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lab.rpm_ostree.errors import FailedError
from lab.rpm_ostree.libostree import GLib, OSTree, message


def load(*, to_change: bool = False) -> OSTree.Sysroot:
    """Load the booted sysroot.

    + to_change: make it writable for this process, and keep others from changing it
    """
    if not Path("/run/ostree-booted").exists():
        inside = os.environ.get("container")  # noqa: SIM112 - the name that container engines use
        found = f"; found container={inside} environment variable" if inside else ""
        raise FailedError(
            f"This system was not booted via libostree{found}.\n"
            "Currently, most rpm-ostree commands only work on ostree-based host systems.\n"
        )
    sysroot = OSTree.Sysroot.new_default()
    try:
        if to_change:
            sysroot.initialize_with_mount_namespace()
            # This makes /sysroot writable; a repository that is opened before never notices.
            sysroot.lock()
        sysroot.load()
    except GLib.Error as error:
        raise FailedError(f"Loading sysroot: {message(error)}") from None
    return sysroot


@dataclass(frozen=True)
class Refspec:
    """Where a deployment comes from: a ref, and the remote that has it."""

    remote: str | None
    ref: str

    def __str__(self) -> str:
        return f"{self.remote}:{self.ref}" if self.remote else self.ref


def parse_refspec(text: str) -> Refspec:
    """Parse [REMOTE:]REF."""
    try:
        _, remote, ref = OSTree.parse_refspec(text)
    except GLib.Error as error:
        raise FailedError(message(error)) from None
    return Refspec(remote or None, ref)


def origin_of(deployment: OSTree.Deployment) -> Refspec:
    """Return what a deployment follows."""
    origin = deployment.get_origin()
    try:
        return parse_refspec(origin.get_string("origin", "refspec"))
    except (AttributeError, GLib.Error):
        raise FailedError(f"{name(deployment)} has no origin with a refspec") from None


def name(deployment: OSTree.Deployment) -> str:
    """Return CHECKSUM.SERIAL."""
    return f"{deployment.get_csum()}.{deployment.get_deployserial()}"
