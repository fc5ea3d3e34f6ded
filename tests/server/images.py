"""Images for the gates: trees that boot, with a real rpm database, and a gate asked about one."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ostree_release import loading, policy
from ostree_release.context import Context, Progress
from ostree_release.environments.snapshot import look
from ostree_release.gates.subject import Subject
from tests.cpio import archive

from .support import File, Server, run

KERNEL = "6.14.0-63.x86_64"
MODULES = f"/usr/lib/modules/{KERNEL}"
UNITS = "/usr/lib/systemd/system"
INITRAMFS = {
    "usr/lib/ostree/ostree-prepare-root": b"program",
    "usr/lib/systemd/systemd-cryptsetup": b"program",
    "usr/sbin/lvm": b"program",
    f"usr/lib/modules/{KERNEL}/kernel/fs/btrfs/btrfs.ko.xz": b"driver",
    f"usr/lib/modules/{KERNEL}/kernel/drivers/md/dm-crypt.ko.zst": b"driver",
}
PASSWD = "root:x:0:0:root:/root:/bin/bash\ntool:x:901:901::/:/sbin/nologin\n"
GROUP = "root:x:0:\ntty:x:5:\ntool:x:901:\n"
LABEL = {"security.selinux": b"system_u:object_r:usr_t:s0\0"}


def bootable(packages: Mapping[str, str], vendors: Mapping[str, str] | None = None) -> dict[str, File]:
    """Return what an image with these packages needs to boot; vendors: of some packages."""
    return {
        f"{MODULES}/vmlinuz": File(b"kernel"),
        f"{MODULES}/initramfs.img": File(archive(INITRAMFS)),
        f"{MODULES}/modules.builtin": File(b"kernel/drivers/md/dm-mod.ko\nkernel/fs/ext4/ext4.ko\n"),
        f"{UNITS}/default.target": File(link="graphical.target"),
        f"{UNITS}/graphical.target": File(b"[Unit]\n"),
        f"{UNITS}/plasmalogin.service": File(b"[Service]\n"),
        "/usr/etc/systemd/system/display-manager.service": File(link=f"{UNITS}/plasmalogin.service"),
        "/usr/bin/bootupctl": File(b"program", 0o755),
        "/usr/lib/os-release": File(b'NAME="Fedora Linux"\nID=fedora\n'),
        "/usr/lib/passwd": File(PASSWD.encode()),
        "/usr/lib/group": File(GROUP.encode()),
        "/usr/etc/os-release": File(link="../usr/lib/os-release"),
        "/usr/share/rpm-ostree/treefile.json": File(b'{"selinux": false}'),
        "/usr/lib/sysimage/rpm": File(link="../../share/rpm"),
        **{
            f"/usr/share/rpm/{name}": File(content)
            for name, content in database(tuple(packages.items()), tuple((vendors or {}).items())).items()
        },
    }


@functools.cache
def database(packages: tuple[tuple[str, str], ...], vendors: tuple[tuple[str, str], ...]) -> dict[str, bytes]:
    """Return the files of an rpm database that rpm made, by name."""
    with tempfile.TemporaryDirectory(prefix="ostree-release-rpmdb-") as folder:
        db = Path(folder) / "db"
        run("rpmdb", "--dbpath", db, "--initdb")
        files = [package(name, evr, dict(vendors).get(name)) for name, evr in packages]
        if files:
            options = ("--justdb", "--nodeps", "--ignorearch", "--nosignature")
            run("rpm", "--dbpath", db, "--install", *options, *files)
        return {path.name: path.read_bytes() for path in sorted(db.glob("rpmdb.sqlite*"))}


@functools.cache
def package(name: str, evr: str, vendor: str | None) -> Path:
    """Return an empty package that rpmbuild made."""
    # A name of its own, and not the vendor's: rpm 6 takes a _topdir with a space in it for two words.
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=_packages()))
    version, release = evr.split("-")
    spec = folder / "package.spec"
    spec.write_text(
        f"Name: {name}\nVersion: {version}\nRelease: {release}\nSummary: {name}\nLicense: MIT\n"
        + (f"Vendor: {vendor}\n" if vendor else "")
        + "%description\n%files\n",
        encoding="utf-8",
    )
    # Fedora's rpmbuild would look for programs to strip, and fail because there are none.
    macros = (f"_topdir {folder}", "_build_id_links none", "debug_package %{nil}", "__os_install_post %{nil}")
    defined = [part for each in macros for part in ("--define", each)]
    run("rpmbuild", "-bb", "--quiet", "--target", "x86_64", *defined, spec)
    return next(folder.glob("RPMS/*/*.rpm"))


@functools.cache
def _packages() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="ostree-release-rpms-"))
    atexit.register(shutil.rmtree, folder)
    return folder


def subject(server: Server, gate: str, ring: str = "pilot", **options: Any) -> Subject:
    """Return what a gate is asked about prod's newest candidate, or its newest release without one.

    options: thresholds that differ from the default.
    """
    context = Context(loading.load(server.config), "tester", Progress())
    environment, _ = context.config.promoting("prod")
    seen = look(context, environment)
    refs, repository = seen.refs, seen.repository
    staged = [refs[ref] for ref in refs if "/candidate/" in ref] or [
        refs[ref] for ref in refs if "/releases/" in ref
    ]
    candidate = max((repository.commit(checksum) for checksum in staged), key=lambda each: each.serial)
    effective = policy.Policy({gate: options})
    return Subject(
        context=context,
        seen=seen,
        candidate=candidate,
        ring=environment.ring(ring),
        options=effective.gates[gate],
    )


def without(files: Mapping[str, File], *paths: str) -> dict[str, File]:
    """Return an image's files but some."""
    return {path: file for path, file in files.items() if path not in paths}


def labelled(files: Mapping[str, File]) -> dict[str, File]:
    """Return an image's files and directories with an SELinux label each."""
    folders = {
        str(parent) for path in files for parent in Path(path).parents if str(parent).startswith("/usr")
    }
    everything = {**{folder: File(mode=0o755, directory=True) for folder in sorted(folders)}, **files}
    return {path: replace(file, xattrs={**file.xattrs, **LABEL}) for path, file in everything.items()}
