"""`rpm-ostree upgrade --check`: is there something newer, without fetching it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.rpm_ostree import sysroot as machine
from lab.rpm_ostree.libostree import OSTree, packages_of
from lab.rpm_ostree.packages import Difference, Package, difference
from lab.rpm_ostree.pull import pull
from lab.rpm_ostree.transaction import run, say

_CACHE = Path("/var/cache/rpm-ostree/cached-update.json")
_NOTE = "Note: --check and --preview may be unreliable.  See https://github.com/coreos/rpm-ostree/issues/1579"


def check() -> int:
    """Say what an upgrade would bring; 77 if nothing."""
    return run("AutomaticUpdateTrigger", "automatic update trigger", _check)


def cached_update(booted: str) -> dict[str, Any] | None:
    """Return what the last check found, if it was made for the deployment that is booted."""
    try:
        found: dict[str, Any] = json.loads(_CACHE.read_text())
    except (OSError, ValueError):
        return None
    return found if found["update-sha256"] == booted else None


def remember(sysroot: OSTree.Sysroot, checksum: str, staged: str | None = None) -> dict[str, Any]:
    """Keep what an upgrade of the booted deployment brings, for `status --json`.

    + sysroot: of this machine
    + checksum: of the newer commit
    + staged: identifier of the deployment that was staged for it

    Returns the update as the JSON has it.
    """
    from lab.rpm_ostree.status import commit_fields, signature_fields

    repository = sysroot.repo()
    booted = sysroot.get_booted_deployment()
    origin = machine.origin_of(booted)
    changes = difference(packages_of(repository, booted.get_csum()), packages_of(repository, checksum))
    update = {
        "update-sha256": booted.get_csum(),
        "checksum": checksum,
        "origin": str(origin),
        "osname": booted.get_osname(),
        "ref-has-new-commit": True,
        "rpm-diff": as_json(changes),
        **commit_fields(repository, checksum),
        **signature_fields(repository, checksum, origin),
        **({"deployment": staged} if staged else {}),
    }
    _CACHE.parent.mkdir(parents=True, exist_ok=True)
    _CACHE.write_text(json.dumps(update))
    return update


def forget() -> None:
    """Forget what an upgrade would have brought."""
    _CACHE.unlink(missing_ok=True)


def _check() -> int:
    from lab.rpm_ostree.status import described

    sysroot = machine.load(to_change=True)
    repository = sysroot.repo()
    booted = sysroot.get_booted_deployment()
    origin = machine.origin_of(booted)
    found = pull(repository, origin, not_older_than=booted.get_csum(), commit_only=True)
    print(_NOTE, file=sys.stderr)
    if found == booted.get_csum():
        forget()
        say("No updates available.")
        return 77
    changes = difference(packages_of(repository, booted.get_csum()), packages_of(repository, found))
    say("AvailableUpdate:")
    for key, value in [*described(remember(sysroot, found)), ("Diff", changes.counts())]:
        say(f"{key:>15}: {value}")
    return 0


def as_json(changes: Difference) -> dict[str, list[list[object]]]:
    """Return a difference as the `rpm-diff` of a cached update."""

    def single(packages: Sequence[Package]) -> list[list[object]]:
        return [[0, p.name, p.evr, p.arch] for p in packages]

    def pair(pairs: Sequence[tuple[Package, Package]]) -> list[list[object]]:
        return [[0, old.name, [old.evr, old.arch], [new.evr, new.arch]] for old, new in pairs]

    return {
        "added": single(changes.added),
        "removed": single(changes.removed),
        "upgraded": pair(changes.upgraded),
        "downgraded": pair(changes.downgraded),
    }
