"""From a root file system that dnf made to a tree that ostree can deploy: what follows the packages."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lab.rpm_ostree.errors import FailedError
from lab.rpm_ostree.install import PREFIX

Say = Callable[[str], None]

RPM_DATABASE = "/usr/share/rpm"
# Where rpm itself keeps it: upstream and Debian 13, Fedora, and Debian 12, whose own database dpkg has.
_MADE_AT = ("var/lib/rpm", "usr/lib/sysimage/rpm", "root/.rpmdb")

# Everything that is not in /usr is a link, or an empty folder to mount something on.
_LINKS = {
    "home": "var/home",
    "root": "var/roothome",
    "opt": "var/opt",
    "srv": "var/srv",
    "mnt": "var/mnt",
    "media": "run/media",
    "ostree": "sysroot/ostree",
    "usr/local": "../var/usrlocal",
}
_MOUNT_POINTS = ("boot", "dev", "proc", "run", "sys", "sysroot", "var")
_INTEGRATION = """\
d /var/home 0755 root root -
d /var/roothome 0700 root root -
d /var/opt 0755 root root -
d /var/srv 0755 root root -
d /var/mnt 0755 root root -
d /var/usrlocal 0755 root root -
d /run/media 0755 root root -
"""


def postprocess(root: Path, tree: Mapping[str, Any], version: str | None, say: Say) -> str:
    """Turn `root` into a tree that ostree can deploy.

    + root: what dnf installed
    + tree: the flat treefile
    + version: of the commit, for `mutate-os-release`
    + say: prints a line of progress

    Returns the kernel's version.
    """
    finish_rpm_database(root)
    # No package has it, and whatever runs in the tree may want it.
    (root / "tmp").mkdir(exist_ok=True)
    for source, target in tree.get("add-files", []):
        say(f"Adding file '{target}'")
        add_file(root, Path(source), target)
    for number, script in enumerate(tree.get("postprocess", [])):
        say(f"Executing `postprocess` inline script '{number}'")
        text = script if script.startswith("#!") else f"#!/bin/sh\nset -e\n{script}"
        run_script(root, f"/usr/bin/rpmostree-postprocess-inline-{number}", text)
    if "postprocess-script" in tree:
        say("Executing postprocessing script")
        text = Path(tree["postprocess-script"]).read_text()
        run_script(root, "/usr/bin/rpmostree-treefile-postprocess-script", text)
    kernel = find_kernel(root)
    initramfs = run_dracut(root, kernel)
    say("Initializing rootfs")
    say("Moving /usr to target")
    (root / "etc").rename(root / "usr/etc")
    say("Copying toplevel compat symlinks")
    (root / "usr/lib/tmpfiles.d").mkdir(exist_ok=True)
    (root / "usr/lib/tmpfiles.d/rpm-ostree-autovar.conf").write_text("".join(var_as_tmpfiles(root)))
    lay_out_top_level(root, tmp_is_folder=tree.get("tmp-is-dir", False))
    say("Adding rpm-ostree-0-integration.conf")
    (root / "usr/lib/tmpfiles.d/rpm-ostree-0-integration.conf").write_text(_INTEGRATION)
    if "mutate-os-release" in tree and version:
        mutate_os_release(root / "usr/lib/os-release", tree["mutate-os-release"], version)
    say("Preparing kernel")
    (root / f"usr/lib/modules/{kernel}/initramfs.img").write_bytes(initramfs)
    say("Creating empty machine-id")
    (root / "usr/etc/machine-id").write_text("")
    kept = root / "usr/share/rpm-ostree"
    kept.mkdir(exist_ok=True)
    (kept / "treefile.json").write_text(json.dumps(tree, indent=2))
    return kernel


def finish_rpm_database(root: Path) -> None:
    """Move the package database from /var, which no commit has, and make it readable on a read-only /usr."""
    folder = root / RPM_DATABASE.lstrip("/")
    places = [root / place for place in _MADE_AT if not (root / place).is_symlink()]
    made = next((place for place in places if (place / "rpmdb.sqlite").is_file()), None)
    if made is None:
        raise FailedError(f"{PREFIX}: no rpm database in /{', /'.join(_MADE_AT)}")
    made.rename(folder)
    database = sqlite3.connect(folder / "rpmdb.sqlite", isolation_level=None)
    try:
        # In write-ahead mode not even a reader can open it without writing beside it.
        database.execute("PRAGMA journal_mode=DELETE")
    finally:
        database.close()
    for leftover in (".rpm.lock", "rpmdb.sqlite-shm", "rpmdb.sqlite-wal"):
        (folder / leftover).unlink(missing_ok=True)
    macros = root / "usr/lib/rpm/macros.d"
    macros.mkdir(parents=True, exist_ok=True)
    (macros / "macros.rpm-ostree").write_text(f"%_dbpath {RPM_DATABASE}\n")
    link = root / "usr/lib/sysimage/rpm"
    if not link.is_symlink():
        link.parent.mkdir(exist_ok=True)
        link.symlink_to("../../share/rpm")


def add_file(root: Path, source: Path, target: str) -> None:
    """Copy a file of the treefile's into the tree, with its mode."""
    if not target.startswith(("/usr/", "/etc/")):
        raise FailedError(f"{PREFIX}: Adding file '{target}': Unsupported path in add-files: {target}")
    path = root / target.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, path)


def run_script(root: Path, name: str, text: str) -> None:
    """Run a script of the treefile inside the tree, where it is called `name` meanwhile."""
    path = root / name.lstrip("/")
    path.write_text(text)
    path.chmod(0o755)
    try:
        done = subprocess.run(["chroot", root, name], check=False)
    finally:
        path.unlink()
    if done.returncode:
        # The real program reports the exit status in these words.
        raise FailedError(f"{PREFIX}: bwrap({name}): Child process killed by signal {done.returncode}")


def run_dracut(root: Path, kernel: str) -> bytes:
    """Let the tree's own dracut make an initramfs, called as the real program calls it; return its content.

    That is after the scripts, which therefore find none. The real program runs it in the finished tree, with
    /etc and /tmp where they are on a machine; here they still are.
    """
    place = "/tmp/initramfs.img"
    options = ("--reproducible", "--gzip", "-v", "--add", "ostree", "--tmpdir=/tmp/dracut", "-f", place)
    try:
        done = subprocess.run(
            ["chroot", root, "/usr/bin/dracut", *options, "--no-hostonly", "--kver", kernel],
            stdout=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            reason = f"bwrap(dracut): Child process exited with code {done.returncode}"
            raise FailedError(f"{PREFIX}: Finalizing rootfs: During kernel processing: {reason}")
        return (root / place.lstrip("/")).read_bytes()
    finally:
        (root / place.lstrip("/")).unlink(missing_ok=True)


def var_as_tmpfiles(root: Path) -> Iterator[str]:
    """The folders and links of /var as tmpfiles.d lines: a commit has no /var, systemd makes it at boot."""
    for folder, subfolders, files in os.walk(root / "var"):
        for name in sorted(subfolders) + sorted(files):
            path = Path(folder, name)
            inside = f"/{path.relative_to(root)}"
            found = path.lstat()
            if stat.S_ISLNK(found.st_mode):
                yield f"L {inside} - - - - {path.readlink()}\n"
            elif stat.S_ISDIR(found.st_mode):
                user, group = owner(root, found.st_uid, found.st_gid)
                yield f"d {inside} {stat.S_IMODE(found.st_mode):04o} {user} {group} - -\n"


def owner(root: Path, uid: int, gid: int) -> tuple[str, str]:
    """Names of a user and a group by the tree's own account files."""
    return _name(root / "usr/etc/passwd", uid), _name(root / "usr/etc/group", gid)


def _name(database: Path, number: int) -> str:
    for line in database.read_text().splitlines():
        fields = line.split(":")
        if fields[2] == str(number):
            return fields[0]
    return str(number)


def lay_out_top_level(root: Path, *, tmp_is_folder: bool) -> None:
    """Leave only /usr, the compatibility links and empty mount points."""
    for name in (*_LINKS, *_MOUNT_POINTS, "tmp"):
        path = root / name
        if path.is_symlink():
            path.unlink()
        elif path.exists():
            shutil.rmtree(path)
    for name, target in _LINKS.items():
        (root / name).symlink_to(target)
    for name in _MOUNT_POINTS:
        (root / name).mkdir(mode=0o755)
    if tmp_is_folder:
        (root / "tmp").mkdir()
        (root / "tmp").chmod(0o1777)
    else:
        (root / "tmp").symlink_to("sysroot/tmp")


def mutate_os_release(path: Path, release: str, version: str) -> None:
    """Put the commit's version where the distribution's names stand, as `mutate-os-release` asks."""
    lines = []
    for line in path.read_text().splitlines():
        key, _, value = line.partition("=")
        if key in ("VERSION", "PRETTY_NAME"):
            value = value.replace(release, version)
        if key != "OSTREE_VERSION":
            lines.append(f"{key}={value}" if key else line)
    path.write_text("\n".join([*lines, f"OSTREE_VERSION='{version}'"]) + "\n")


def find_kernel(root: Path) -> str:
    """Return the version of the one kernel in /usr/lib/modules."""
    found = sorted(path.parent.name for path in (root / "usr/lib/modules").glob("*/vmlinuz"))
    if len(found) != 1:
        seen = f"multiple vmlinuz: {', '.join(found)}" if found else "no kernel"
        raise FailedError(f"{PREFIX}: Unable to find kernel (vmlinuz) in /usr/lib/modules: {seen}")
    return found[0]
