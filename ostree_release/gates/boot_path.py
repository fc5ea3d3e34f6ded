"""What the gate `bootable` asks of the way from the boot loader to the screen where a user logs in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..answers import FAIL, NEEDS_APPROVAL, PASS, Finding
from ..images import initramfs, units
from ..images.initramfs import UnknownCompressionError, UnreadableError

if TYPE_CHECKING:
    from ..repository.tree import Tree

Options = Mapping[str, Any]

MODULES = "/usr/lib/modules"
_BINARIES = ("usr/bin", "usr/sbin")
# What turns the mounted disk into the root of a deployment; ostree's dracut module brings it.
_PREPARE_ROOT = "usr/lib/ostree/ostree-prepare-root"
_DRIVER = re.compile(r"usr/lib/modules/([^/]+)/.*?([^/]+)\.ko(?:\.(?:xz|zst|gz))?")
_BOOT_LOADERS = ("bootupctl", "grub2-install", "grub2-mkconfig", "grub-install", "grub-mkconfig")
_GRAPHICAL = "graphical.target"
_SCREEN = "display-manager.service"
_POLICIES = "/usr/etc/selinux"


@dataclass(frozen=True)
class Ability:
    """What an initramfs may have to do before there is a root.

    + programs: any one of them does it
    """

    words: str
    driver: str
    programs: tuple[str, ...] = ()


# By option. Kinoite's installer makes a btrfs root, often on LUKS; the one of other Fedoras made LVM.
ABILITIES = {
    "btrfs": Ability("mount btrfs", "btrfs"),
    "crypt": Ability("open LUKS", "dm_crypt", ("systemd-cryptsetup", "cryptsetup")),
    "lvm": Ability("find LVM", "dm_mod", ("lvm",)),
}


def judge_initramfs(tree: Tree, kernel: str, options: Options) -> Iterator[Finding]:
    """Look for what the kernel's initramfs needs: ostree, and what it takes to reach the disk."""
    entry = tree.find(f"{MODULES}/{kernel}/initramfs.img")
    assert entry is not None
    which = f"initramfs of kernel {kernel}"
    try:
        found = initramfs.files(tree.pieces(entry))
    except UnreadableError as error:
        yield Finding(f"initramfs:unreadable:{kernel}", FAIL, f"{which} cannot be read: {error}")
        return
    except UnknownCompressionError as error:
        line = f"{which} is compressed by {error}, which is not read here: nobody knows what it lacks"
        yield Finding(f"initramfs:compressed:{error}", NEEDS_APPROVAL, line)
        return
    if _PREPARE_ROOT not in found:
        line = f"{which} lacks ostree: without {_PREPARE_ROOT} no deployment is started"
        yield Finding("initramfs:ostree", FAIL, line)
    built_for, drivers = _drivers(found, kernel)
    if built_for and kernel not in built_for:
        line = f"{which} has drivers of another one: {', '.join(sorted(built_for))}"
        yield Finding(f"initramfs:kernel:{kernel}", FAIL, line)
    drivers |= _built_in(tree, kernel)
    for option, ability in ABILITIES.items():
        lacks = [] if ability.driver in drivers else [f"driver {ability.driver}"]
        if ability.programs and not any(_has_program(found, name) for name in ability.programs):
            lacks.append(f"program {' or '.join(ability.programs)}")
        if lacks and options[option] != PASS:
            line = f"{which} lacks {option} and cannot {ability.words}: no {', no '.join(lacks)}"
            yield Finding(f"initramfs:{option}", options[option], line)


def judge_screen(tree: Tree, options: Options) -> Iterator[Finding]:
    """Look for the default target, and where it is graphical for exactly one display manager."""
    target = units.load(tree, "default.target")
    if target.fault:
        yield Finding("default-target", FAIL, f"systemd has no default target to start: {target.fault}")
    if target.name != _GRAPHICAL or target.fault or options["display_manager"] == PASS:
        return
    manager = units.load(tree, _SCREEN)
    if manager.fault:
        line = f"the default target is graphical, and no display manager starts: {manager.fault}"
        yield Finding(f"display-manager:{manager.name}", options["display_manager"], line)
        return
    found = sorted({unit.name for unit in units.every(tree, _SCREEN) if not unit.fault})
    if len(found) > 1:
        line = f"{_SCREEN} is {' and '.join(found)}, and only one of them would start"
        yield Finding(f"display-manager:{':'.join(found)}", options["display_manager"], line)


def judge_selinux(tree: Tree, options: Options) -> Iterator[Finding]:
    """Look for the policy that the settings of SELinux name, and for what changes it on a machine."""
    if options["selinux"] == PASS:
        return
    if not _has_binary(tree, "semodule"):
        line = f"no semodule in {_places()}: the SELinux policy cannot be changed"
        yield Finding("semodule", options["selinux"], line)
    named = _policy_type(tree)
    types = [named] if named else [each.path.rpartition("/")[2] for each in tree.names(_POLICIES)]
    policies = (each for kind in types for each in tree.names(f"{_POLICIES}/{kind}/policy"))
    if not any(tree.has_content(each.path) for each in policies):
        where = f"{_POLICIES}/{named or '*'}/policy"
        line = f"no SELinux policy in {where}: systemd does not start where SELinux is enforcing"
        yield Finding("selinux-policy", options["selinux"], line)


def judge_boot_loader(tree: Tree, options: Options) -> Iterator[Finding]:
    """Look for a program that installs or changes the boot loader."""
    if options["bootloader"] != PASS and not any(_has_binary(tree, name) for name in _BOOT_LOADERS):
        line = f"no boot loader's tool in {_places()}: none of {', '.join(_BOOT_LOADERS)}"
        yield Finding("bootloader", options["bootloader"], line)


def _drivers(found: frozenset[str], kernel: str) -> tuple[set[str], set[str]]:
    """Return which kernels an initramfs has drivers of, and the drivers of this one."""
    matches = [match for match in map(_DRIVER.fullmatch, found) if match]
    return {match[1] for match in matches}, {_driver(match[2]) for match in matches if match[1] == kernel}


def _built_in(tree: Tree, kernel: str) -> set[str]:
    listed = (tree.read(f"{MODULES}/{kernel}/modules.builtin") or b"").decode(errors="replace")
    return {_driver(line.rpartition("/")[2].partition(".ko")[0]) for line in listed.splitlines()}


def _driver(name: str) -> str:
    # The kernel takes both for the same.
    return name.replace("-", "_")


def _has_program(found: frozenset[str], name: str) -> bool:
    return any(f"{folder}/{name}" in found for folder in (*_BINARIES, "usr/lib/systemd"))


def _has_binary(tree: Tree, name: str) -> bool:
    return any(tree.has_content(f"/{folder}/{name}") for folder in _BINARIES)


def _places() -> str:
    return " or ".join(f"/{folder}" for folder in _BINARIES)


def _policy_type(tree: Tree) -> str | None:
    """Return SELINUXTYPE of /etc/selinux/config, as libselinux reads it; None where it names none."""
    lines = (tree.read(f"{_POLICIES}/config") or b"").decode(errors="replace").splitlines()
    values = [line.strip().partition("=")[2].strip() for line in lines if line.startswith("SELINUXTYPE=")]
    return values[-1] if values and re.fullmatch(r"[A-Za-z0-9_-]+", values[-1]) else None
