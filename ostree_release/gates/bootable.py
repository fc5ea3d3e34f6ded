"""The gate `bootable`: the tree has what a machine needs to start from it."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..answers import ANSWERS, FAIL, Finding, Outcome
from ..errors import Refused
from ..images import rpmdb
from ..images.directories import UNLABELLED, WRITABLE, Directories
from ..model import Package
from ..repository.tree import Tree
from . import boot_path
from .subject import Subject

_TREEFILE = "/usr/share/rpm-ostree/treefile.json"  # what the compose was asked for; rpm-ostree puts it there


def judge(subject: Subject) -> Outcome:
    """Look for all that starts a machine, the rpm database, SELinux labels, and what anybody may write."""
    tree = subject.repository.tree(subject.candidate.checksum)
    listed = subject.repository.packages(subject.candidate.checksum)
    data: dict[str, Any] = {}
    findings: list[Finding] = []
    parts: tuple[Callable[[], Iterator[Finding]], ...] = (
        lambda: _kernels(tree, subject.options, data),
        lambda: _os_release(tree),
        lambda: _database(tree, listed, data),
        lambda: _etc(tree),
        lambda: boot_path.judge_screen(tree, subject.options),
        lambda: boot_path.judge_boot_loader(tree, subject.options),
        lambda: boot_path.judge_selinux(tree, subject.options) if wants_labels(tree) else iter(()),
        lambda: _every_file(tree, subject.directories, data),
    )
    for part in parts:
        try:
            findings += part()
        except Refused as refusal:  # an object that is missing or damaged
            findings.append(Finding(f"unreadable:{refusal}", FAIL, f"cannot be read: {refusal}"))
    if findings:
        line = max(findings, key=lambda finding: ANSWERS.index(finding.answer)).line
    else:
        line = f"kernel {', '.join(data['kernels'])}, {data['packages']} packages, everything in its place"
    return Outcome("bootable", tuple(findings), line, data)


def _kernels(tree: Tree, options: Mapping[str, Any], data: dict[str, Any]) -> Iterator[Finding]:
    kernels = []
    for version in tree.names(boot_path.MODULES):
        if not tree.has_content(f"{version.path}/vmlinuz"):
            continue
        kernels.append(version.path.rpartition("/")[2])
        if not tree.has_content(f"{version.path}/initramfs.img"):
            line = f"no initramfs for kernel {kernels[-1]}: {version.path}/initramfs.img is missing or empty"
            yield Finding(f"initramfs:{kernels[-1]}", FAIL, line)
        else:
            yield from boot_path.judge_initramfs(tree, kernels[-1], options)
    data["kernels"] = kernels
    if len(kernels) > 1:
        line = f"{len(kernels)} kernels, and only one of them would be started: {', '.join(kernels)}"
        yield Finding("kernels", FAIL, line)
    if not kernels:
        yield Finding(
            "kernel", FAIL, f"no kernel: there is no {boot_path.MODULES}/VERSION/vmlinuz with content"
        )


def _os_release(tree: Tree) -> Iterator[Finding]:
    content = tree.read("/usr/lib/os-release") or tree.read("/usr/etc/os-release")
    if content is None:
        line = "no os-release: neither /usr/lib/os-release nor /usr/etc/os-release has content"
        yield Finding("os-release", FAIL, line)
    elif not any(name.startswith(b"ID=") for name in content.splitlines()):
        yield Finding("os-release:ID", FAIL, "os-release names no system: it has no line ID=")


def _database(tree: Tree, listed: tuple[Package, ...] | None, data: dict[str, Any]) -> Iterator[Finding]:
    try:
        installed = rpmdb.read(tree)
    except Refused as refusal:
        yield Finding("rpmdb", FAIL, f"rpm database: {refusal}")
        return
    data["packages"] = len(installed)
    if listed is None:
        yield Finding("pkglist", FAIL, "the commit lists no packages (rpmostree.rpmdb.pkglist)")
        return
    ours, theirs = rpmdb.unlike(installed, listed)
    if ours or theirs:
        some = min(ours | theirs, key=lambda package: package.name)
        line = (
            f"the rpm database has {len(installed)} packages, but the commit lists {len(listed)}: "
            f"{len(ours | theirs)} are not the same, {some.name} for one"
        )
        yield Finding(f"rpmdb:{len(ours)}:{len(theirs)}:{some.name}", FAIL, line)


def _etc(tree: Tree) -> Iterator[Finding]:
    top = {entry.path for entry in tree.children(tree.root)}
    if "/etc" in top:
        yield Finding("etc", FAIL, "there is an /etc: a deployment makes it from /usr/etc")
    usr_etc = tree.find("/usr/etc")
    if usr_etc is None or not usr_etc.is_directory:
        yield Finding("usr-etc", FAIL, "there is no /usr/etc, so a deployment would have an empty /etc")


def _every_file(tree: Tree, known: Directories, data: dict[str, Any]) -> Iterator[Finding]:
    """Judge the modes of every file and directory, and the labels of those in /usr."""
    for entry in known.marked(tree, WRITABLE):
        line = f"anybody may write to {entry.path} ({stat.S_IMODE(tree.attributes(entry).mode):04o})"
        yield Finding(f"world-writable:{entry.path}", FAIL, line)
    data["selinux"] = wants_labels(tree)
    if not data["selinux"]:
        return
    # The top has only links and empty directories to mount on, some of which the policy leaves alone.
    usr = [entry for entry in tree.children(tree.root) if entry.path == "/usr"]
    unlabelled = [entry.path for start in usr for entry in known.marked(tree, UNLABELLED, start)]
    if unlabelled:
        line = f"{len(unlabelled)} files in /usr have no SELinux label, {unlabelled[0]} for one"
        yield Finding(f"unlabelled:{len(unlabelled)}:{unlabelled[0]}", FAIL, line)


def wants_labels(tree: Tree) -> bool:
    """Say whether the image is to have SELinux labels.

    The treefile decides, as the compose kept it in the image (`selinux`, which is on unless it says no); in
    an image without it, the presence of an SELinux policy does.
    """
    content = tree.read(_TREEFILE)
    try:
        treefile = json.loads(content) if content is not None else None
    except ValueError:
        treefile = None
    if isinstance(treefile, dict):
        return treefile.get("selinux", True) is not False
    return any(tree.names(f"{policy.path}/policy") for policy in tree.names("/usr/etc/selinux"))
