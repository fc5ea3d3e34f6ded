"""`rpm-ostree status`: the deployments, as JSON with rpm-ostree's keys and types, or as text."""

from __future__ import annotations

import json
import locale
from datetime import UTC, datetime
from typing import Any

from lab.rpm_ostree import sysroot as machine
from lab.rpm_ostree import transaction
from lab.rpm_ostree.libostree import GLib, OSTree, packages_of, resolve
from lab.rpm_ostree.packages import difference
from lab.rpm_ostree.preview import cached_update

# Layered packages and overrides: the stand-in refuses to make any, so every list of them is empty.
_ALWAYS_EMPTY = (
    "requested-local-packages",
    "base-removals",
    "requested-base-local-replacements",
    "requested-local-fileoverride-packages",
    "requested-base-removals",
    "requested-packages",
    "packages",
    "base-local-replacements",
)


def show(*, as_json: bool, booted_only: bool, pending_exit_77: bool) -> int:
    """Print the status; return 77 if asked to and a deployment waits for a reboot."""
    sysroot = machine.load()
    found = document(sysroot)
    deployments = found["deployments"]
    pending = bool(deployments) and not deployments[0]["booted"]
    if booted_only:
        found["deployments"] = [deployment for deployment in deployments if deployment["booted"]]
    if as_json:
        # As the real one ends: without a newline.
        print(json.dumps(found, indent=2, separators=(",", " : "), ensure_ascii=False), end="")
    else:
        print("\n".join(as_text(sysroot, found)))
    return 77 if pending and pending_exit_77 else 0


def document(sysroot: OSTree.Sysroot) -> dict[str, Any]:
    """Return what `status --json` shows."""
    running = transaction.current()
    deployments = [describe(sysroot, deployment) for deployment in sysroot.get_deployments()]
    booted = sysroot.get_booted_deployment()
    path = f"/org/projectatomic/rpmostree1/{booted.get_osname()}" if booted else ""
    return {
        "deployments": deployments,
        "transaction": [running.method, f":1.{running.process}", path] if running else None,
        "cached-update": cached_update(booted.get_csum()) if booted else None,
        "update-driver": None,
    }


def describe(sysroot: OSTree.Sysroot, deployment: OSTree.Deployment) -> dict[str, Any]:
    """Return one deployment as `status --json` shows it."""
    repository = sysroot.repo()
    checksum = deployment.get_csum()
    origin = machine.origin_of(deployment)
    booted = sysroot.get_booted_deployment()
    found: dict[str, Any] = {
        "unlocked": OSTree.Deployment.unlocked_state_to_string(deployment.get_unlocked()),
        "base-commit-meta": metadata(repository, checksum),
        "base-remote-replacements": {},
        "regenerate-initramfs": False,
        "pinned": deployment.is_pinned(),
        "osname": deployment.get_osname(),
        "origin": str(origin),
        "checksum": checksum,
        "id": f"{deployment.get_osname()}-{machine.name(deployment)}",
        "serial": deployment.get_deployserial(),
        "staged": deployment.is_staged(),
        "booted": booted is not None and deployment.equal(booted),
        **{key: [] for key in _ALWAYS_EMPTY},
        **commit_fields(repository, checksum),
        **signature_fields(repository, checksum, origin),
    }
    newer = resolve(repository, str(origin))
    if newer and newer != checksum:
        found["pending-base-checksum"] = newer
        fields = commit_fields(repository, newer)
        found |= {f"pending-base-{key}": value for key, value in fields.items()}
    return found


def commit_fields(repository: OSTree.Repo, checksum: str) -> dict[str, Any]:
    """Return a commit's time, and its version if it has one."""
    _, commit, _ = repository.load_commit(checksum)
    version = commit.get_child_value(0).lookup_value("version", GLib.VariantType("s"))
    fields: dict[str, Any] = {"timestamp": OSTree.commit_get_timestamp(commit)}
    if version is not None:
        fields["version"] = version.get_string()
    return fields


def signature_fields(repository: OSTree.Repo, checksum: str, origin: machine.Refspec) -> dict[str, Any]:
    """Return whether a commit's remote wants signatures, and those it has as libostree judges them."""
    try:
        wanted = origin.remote is not None and repository.remote_get_gpg_verify(origin.remote)[1]
    except GLib.Error:
        # The remote is gone, and its keys with it.
        wanted = False
    if not wanted:
        return {"gpg-enabled": False}
    try:
        result = repository.verify_commit_for_remote(checksum, origin.remote, None)
    except GLib.Error:
        return {"gpg-enabled": True, "signatures": []}
    signatures = [list(result.get_all(number).unpack()) for number in range(result.count_all())]
    return {"gpg-enabled": True, "signatures": signatures}


def metadata(repository: OSTree.Repo, checksum: str) -> dict[str, Any]:
    """Return a commit's metadata as JSON values, without the list of packages.

    Numbers are stored big-endian and shown as they are stored, as signed ones: rpm-ostree does the same.
    """
    _, commit, _ = repository.load_commit(checksum)
    listed = commit.get_child_value(0).unpack()
    return {key: _json(value) for key, value in listed.items() if key != "rpmostree.rpmdb.pkglist"}


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1 << 63:
        return value - (1 << 64)
    return value


def as_text(sysroot: OSTree.Sysroot, found: dict[str, Any]) -> list[str]:
    """Return the lines of `rpm-ostree status`."""
    running = transaction.current()
    lines = ["State: busy" if running else "State: idle"]
    if running:
        initiator = f"client(id:cli dbus:1.{running.process} uid:0)"
        lines += [f"Transaction: {running.title} ", f"  Initiator: {initiator}"]
    lines.append("Deployments:")
    bullet = "●" if "utf" in locale.nl_langinfo(locale.CODESET).lower() else "*"
    repository = sysroot.repo()
    booted = next((d["checksum"] for d in found["deployments"] if d["booted"]), None)
    before_booted = True
    for number, deployment in enumerate(found["deployments"]):
        if number:
            lines.append("")
        before_booted = before_booted and not deployment["booted"]
        mark = bullet if deployment["booted"] else " "
        lines.append(f"{mark} {deployment['origin']}")
        lines += [f"{key:>25}: {value}" for key, value in described(deployment)]
        if before_booted and booted:
            old, new = packages_of(repository, booted), packages_of(repository, deployment["checksum"])
            changes = difference(old, new)
            if changes:
                lines.append(f"{'Diff':>25}: {changes.counts()}")
    return lines


def described(commit: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what the text says about a commit: names and values."""
    when = datetime.fromtimestamp(commit["timestamp"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    rows = [("Version", f"{commit['version']} ({when})")] if "version" in commit else [("Timestamp", when)]
    rows.append(("Commit", commit["checksum"]))
    for signature in commit.get("signatures", []):
        word = "Valid" if signature[0] else "Invalid"
        rows.append(("GPGSignature", f"{word} signature by {signature[5]}"))
    if commit.get("unlocked", "none") != "none":
        rows.append(("Unlocked", commit["unlocked"]))
    if commit.get("pinned"):
        rows.append(("Pinned", "yes"))
    return rows
