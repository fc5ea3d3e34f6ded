"""What a container of the lab sees of the kernel, the engine and the security module that it runs under."""

from __future__ import annotations

from dataclasses import dataclass

from lab.engine import CLIENT_CAPABILITIES, DEVICES, Engine
from lab.errors import LabError
from lab.state import Lab

# One line for each thing: its name, and what was found, or what went wrong. All that it changes is its own:
# mounts, a volume, a control group below the container's.
_SCRIPT = r"""
words() { "$@" 2>&1 | tr '\n' ' '; echo; }
status() { sed -n "s/^$1:[[:space:]]*//p" /proc/self/status; }

echo "capabilities $(status CapEff)"
echo "no-new-privileges $(status NoNewPrivs)"
echo "seccomp $(status Seccomp)"
echo "label $(tr -d '\000' 2>/dev/null < /proc/self/attr/current)"
echo "inotify-limit $(cat /proc/sys/fs/inotify/max_user_instances)"
echo "inotify-used $(find /proc/[0-9]*/fd -user 0 -lname anon_inode:inotify 2>/dev/null | wc -l)"
mkdir /probe/mount
echo "mount $(words mount -t tmpfs none /probe/mount)"

hierarchy=/sys/fs/cgroup version=2 of=0::
if [ ! -e $hierarchy/cgroup.controllers ]; then
    hierarchy=$hierarchy/systemd version=1 of='[0-9]*:name=systemd:'
fi
echo "cgroup-version $version"
echo "cgroup-path $(sed -n "s/^$of//p" /proc/self/cgroup)"
below=$hierarchy/lab-probe
writable() { mount -o remount,rw,bind $hierarchy && mkdir $below && rmdir $below; }
echo "cgroup-write $(words writable)"

sed -n 's/^\([^ ]* \)\{4\}\/probe \([^ ]*\) .*/volume \2/p' /proc/self/mountinfo
immutable() { touch /probe/file && chattr +i /probe/file && chattr -i /probe/file; }
echo "immutable $(words immutable)"
label='b"system_u:object_r:usr_t:s0\0"'
labelled() { python3 -c "import os; os.setxattr('/probe', 'security.selinux', $label)"; }
! command -v python3 >/dev/null || echo "selinux $(words labelled | sed 's/.*Error: *//')"
fuse() { : <>/dev/fuse; }
echo "fuse $(words fuse)"
echo "systemd $(systemctl --version 2>/dev/null | sed -n '1s/[^0-9]*\([0-9]*\).*/\1/p')"
"""


@dataclass(frozen=True)
class Host:
    """What `look` found; a text is what went wrong, in the words of the program that tried."""

    capabilities: int  # the effective set, as bits
    inotify_limit: int  # instances per user
    inotify_used: int  # by root, all containers together
    no_new_privileges: int = 0
    seccomp: int = 0  # 2: a filter is on
    label: str = ""  # of AppArmor or SELinux
    mount: str = ""
    cgroup_version: int = 2
    cgroup_path: str = "/"  # where the container is, as far as it sees
    cgroup_write: str = ""
    volume: str = "rw"  # mount options of a volume
    immutable: str = ""
    selinux: str = ""  # writing a label
    fuse: str = ""
    systemd: int = 0  # version of the image's, 0 without one


def look(engine: Engine, image: str, lab: Lab) -> Host:
    """Ask the kernel that containers run on, from inside one that has what a machine of the lab gets."""
    volume = lab.resource("probe")
    engine.ensure_volume(lab, volume)
    try:
        printed = engine.run(
            image,
            ["/bin/sh", "-c", _SCRIPT],
            volumes={volume: "/probe"},
            capabilities=CLIENT_CAPABILITIES,
            lab=lab,
            pid_mode="host",
            cgroupns="private",
            devices=DEVICES,
        )
    finally:
        engine.client.volumes.get(volume).remove(force=True)
    return read(printed)


def read(printed: str) -> Host:
    """Return what the script's lines say; LabError if they are not its lines."""
    found = {key: value.strip() for key, _, value in (line.partition(" ") for line in printed.splitlines())}

    def number(key: str, base: int = 10) -> int:
        try:
            return int(found.get(key) or "0", base)
        except ValueError:
            raise LabError(f"a container answered {found[key]!r} when it was asked for its {key}") from None

    return Host(
        capabilities=number("capabilities", 16),
        inotify_limit=number("inotify-limit"),
        inotify_used=number("inotify-used"),
        no_new_privileges=number("no-new-privileges"),
        seccomp=number("seccomp"),
        label=found.get("label", ""),
        mount=found.get("mount", ""),
        cgroup_version=number("cgroup-version"),
        cgroup_path=found.get("cgroup-path") or "/",
        cgroup_write=found.get("cgroup-write", ""),
        volume=found.get("volume", ""),
        immutable=found.get("immutable", ""),
        selinux=found.get("selinux", ""),
        fuse=found.get("fuse", ""),
        systemd=number("systemd"),
    )
