#!/usr/bin/python3 -I
"""Boot an OSTree deployment inside a container: what firmware, boot loader and initramfs do, then systemd.

The volume with the OSTree sysroot is mounted on /sysroot. One boot is:

    choose an entry of /sysroot/boot/loader/entries, highest version first, counting tries
    make /proc/cmdline, the boot id and the network files this boot's own
    ostree-prepare-root, unchanged
    move /proc /sys /dev /run over, pivot, exec the deployment's init

Falling back after failed tries is this program's: on a real machine nothing does so, unless greenboot is in
the image and grub's boot_counter set.

What the boot loader remembers lies in /sysroot/boot/lab: `tries/ID` and `good/ID` per deployment, `next` (a
number: the entry to boot once), `power-off` (the last shutdown was one) and `log`.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

SYSROOT = Path("/sysroot")
RUN = Path("/run/lab")
PREPARE_ROOT = ("/usr/lib/ostree/ostree-prepare-root", "/usr/lib/systemd/ostree-prepare-root")
TRIES = 2
MNT_DETACH = 2


class BootError(Exception):
    """This boot ends here; the text goes to the log."""


@dataclass(frozen=True)
class Entry:
    """A boot loader entry whose deployment is there."""

    file: Path
    version: int
    title: str
    linux: str
    options: str
    deployment: Path

    @property
    def identity(self) -> str:
        """CHECKSUM.SERIAL: the name of the deployment's folder."""
        return self.deployment.name


@dataclass(frozen=True)
class Choice:
    """The entry to boot, and the deployments that were passed over because they failed too often."""

    entry: Entry
    given_up: tuple[str, ...] = ()


class Memory:
    """What the boot loader remembers from one boot to the next."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("tries", "good"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def say(self, text: str) -> None:
        """Write a line to the console, which is the container's log, and to the log on the disk."""
        print(f"lab-boot: {text}", flush=True)
        with open(self.folder / "log", "a") as log:
            log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n")

    def is_good(self, identity: str) -> bool:
        return (self.folder / "good" / identity).exists()

    def tries(self, identity: str) -> int:
        try:
            return int((self.folder / "tries" / identity).read_text())
        except FileNotFoundError:
            return 0

    def count_try(self, identity: str) -> int:
        """Note one more try of a deployment and return how many that makes."""
        count = self.tries(identity) + 1
        (self.folder / "tries" / identity).write_text(f"{count}\n")
        return count

    def forget_all_but(self, identities: set[str]) -> None:
        """Forget deployments that are gone: one that is deployed again starts anew."""
        for name in ("tries", "good"):
            for path in (self.folder / name).iterdir():
                if path.name not in identities:
                    path.unlink()

    def take_next(self) -> int | None:
        """Return the number of the entry that was asked for once, and forget it."""
        return int(text) if (text := self._take("next")) is not None else None

    def take_power_off(self) -> bool:
        """Tell whether the last shutdown was a power-off, and forget it."""
        return self._take("power-off") is not None

    def _take(self, name: str) -> str | None:
        path = self.folder / name
        try:
            text = path.read_text()
        except FileNotFoundError:
            return None
        path.unlink()
        return text


def read_entries(sysroot: Path) -> list[Entry]:
    """Return the boot loader's entries that have a deployment, highest version first."""
    found = []
    for file in (sysroot / "boot/loader/entries").glob("*.conf"):
        lines = (line.partition(" ") for line in file.read_text().splitlines())
        fields = {key: value.strip() for key, _, value in lines}
        target = re.search(r"(?:^| )ostree=(\S+)", fields.get("options", ""))
        deployment = (sysroot / target[1].lstrip("/")).resolve() if target else None
        if deployment is not None and deployment.is_dir():
            found.append(
                Entry(
                    file,
                    int(fields.get("version", "0")),
                    fields.get("title", file.name),
                    fields.get("linux", ""),
                    fields["options"],
                    deployment,
                )
            )
    return sorted(found, key=lambda entry: entry.version, reverse=True)


def choose(entries: list[Entry], memory: Memory, limit: int) -> Choice:
    """Return the entry to boot.

    That is the one asked for once, else the first that is known to be good or has tries left, else the first.
    A try is counted for what is not known to be good.
    """
    if not entries:
        raise BootError("no boot loader entry has a deployment")
    memory.forget_all_but({entry.identity for entry in entries})
    asked = memory.take_next()
    if asked is not None and asked < len(entries):
        return Choice(entries[asked])
    given_up: list[str] = []
    for entry in entries:
        if memory.is_good(entry.identity):
            return Choice(entry, tuple(given_up))
        if memory.tries(entry.identity) < limit:
            count = memory.count_try(entry.identity)
            memory.say(f"{entry.identity}: try {count} of {limit}")
            return Choice(entry, tuple(given_up))
        memory.say(f"{entry.identity}: failed {limit} times, falling back")
        given_up.append(entry.identity)
    return Choice(entries[0])


def mount(*arguments: str, needed: bool = True) -> bool:
    """Run mount without its tables, which are on file systems that move; return whether it worked."""
    done = subprocess.run(["mount", "-n", *arguments], capture_output=True, text=True, check=False)
    if done.returncode and needed:
        raise BootError(f"mount {' '.join(arguments)}: {done.stderr.strip()}")
    return done.returncode == 0


def prepare_machine(choice: Choice) -> None:
    """Make what the kernel, the firmware and the network tell a system be this boot's own."""
    mount("--make-rprivate", "/")
    RUN.mkdir(exist_ok=True)
    Path("/run/lock").mkdir(exist_ok=True)
    (RUN / "deployment").write_text(f"{choice.entry.identity}\n")
    if choice.given_up:
        (RUN / "given-up").write_text("".join(f"{identity}\n" for identity in choice.given_up))
    # The stock tools find the deployment in the kernel's command line, and tell boots apart by the boot id;
    # both are the host's in a container.
    (RUN / "cmdline").write_text(f"BOOT_IMAGE={choice.entry.linux} {choice.entry.options}\n")
    mount("--bind", str(RUN / "cmdline"), "/proc/cmdline")
    (RUN / "boot_id").write_text(f"{uuid.uuid4()}\n")
    mount("--bind", str(RUN / "boot_id"), "/proc/sys/kernel/random/boot_id")
    # The container engine keeps these up to date in place, so the image links to them instead of copying.
    for name in ("resolv.conf", "hosts", "hostname"):
        (RUN / name).touch()
        mount("--bind", f"/etc/{name}", str(RUN / name))
    # systemd writes its own hierarchy: all of cgroup v2, of v1 the one named after it.
    hierarchy = "/sys/fs/cgroup/systemd" if Path("/sys/fs/cgroup/systemd").is_dir() else "/sys/fs/cgroup"
    if not mount("-o", "remount,rw,bind", hierarchy, needed=False):
        mount("-o", "remount,rw", hierarchy, needed=False)


def switch_root(choice: Choice) -> NoReturn:
    """Let ostree put the deployment on /sysroot, and become its init."""
    program = next((path for path in PREPARE_ROOT if os.access(path, os.X_OK)), None)
    if program is None:
        raise BootError("the container's image has no ostree-prepare-root")
    done = subprocess.run([program, str(SYSROOT)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BootError(f"ostree-prepare-root: {done.stderr.strip()}")
    for name in ("proc", "sys", "dev", "run"):
        mount("--move", f"/{name}", f"{SYSROOT}/{name}")
    os.chdir(SYSROOT)
    subprocess.run(["pivot_root", ".", "."], check=True)
    # From here on no program of the old root is at hand, and one of the new root may be broken.
    ctypes.CDLL(None).umount2(b".", MNT_DETACH)
    os.chroot(".")
    os.execv("/sbin/init", ["/sbin/init", *choice.entry.options.split()])


def wait_for_power_button() -> NoReturn:
    """Stay until the container is stopped or restarted: that is the power button."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGRTMIN + 3):
        signal.signal(number, lambda *_: sys.exit(0))
    while True:
        signal.pause()


def main() -> NoReturn:
    memory = Memory(SYSROOT / "boot/lab")
    if memory.take_power_off():
        memory.say("powered off")
        wait_for_power_button()
    try:
        choice = choose(read_entries(SYSROOT), memory, TRIES)
        memory.say(f"booting {choice.entry.title} [{choice.entry.identity}]")
        # A broken image must not take this program's way out of the old root with it.
        if not (choice.entry.deployment / "usr/lib/systemd/systemd").exists():
            raise BootError(f"{choice.entry.identity} has no init")
        prepare_machine(choice)
        switch_root(choice)
    except (BootError, OSError, subprocess.SubprocessError) as error:
        memory.say(f"this boot failed: {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
