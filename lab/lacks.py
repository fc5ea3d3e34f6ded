"""What is missing for a lab, one sentence each: by an engine's answers, and by what a container saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lab.engine import PODMAN_SOCKET, describe, is_podman
from lab.probe import Host

# The first API with cgroup namespaces: Docker 20.10; Podman has it since 4.0 (since 3.0 by name only).
_API = (1, 41)
# https://github.com/systemd/systemd/releases/tag/v258: support for cgroup v1 is removed.
_SYSTEMD_WITHOUT_CGROUP_V1 = 258

# Capability numbers of linux/capability.h.
_CAPABILITY_BITS = {
    "DAC_READ_SEARCH": 2,
    "LINUX_IMMUTABLE": 9,
    "NET_ADMIN": 12,
    "SYS_PTRACE": 19,
    "SYS_ADMIN": 21,
    "SYS_BOOT": 22,
}
# Measured: what one idle machine's systemd and its services hold, per machine, with the units masked that the
# images mask. Creating one more than the limit fails with "Too many open files".
_INOTIFY_PER_MACHINE = 4
_INOTIFY_LIMIT = "fs.inotify.max_user_instances"
_FILTER = 2  # SECCOMP_MODE_FILTER of linux/seccomp.h


# --- of the engine: found before anything is built ----------------------------------------------------------


def of_engine(version: Mapping[str, Any], info: Mapping[str, Any]) -> Iterator[str]:
    """Say what an engine lacks for any lab.

    + version: what its API answers to /version
    + info: to /info
    """
    found = describe(version, info)
    if info.get("OSType", "linux") != "linux":
        yield f"the container engine runs {info['OSType']} containers: switch it to Linux containers"
    if _number(version.get("ApiVersion")) < _API or (
        is_podman(version) and _number(str(version.get("Version", ""))) < (4,)
    ):
        yield (
            f"the container engine is too old ({found}, API {version.get('ApiVersion', 'unknown')}): "
            "Docker 20.10 or Podman 4.0 is the oldest that a lab runs on"
        )
    options = {str(option).partition(",")[0] for option in info.get("SecurityOptions") or []}
    if info.get("Rootless") or "name=rootless" in options:
        yield (
            "rootless engines are not supported: systemd, the firewall and a booting OSTree need root's own "
            f"capabilities ({found}); use root's engine: "
            + (
                f"sudo DOCKER_HOST=unix://{PODMAN_SOCKET}"
                if is_podman(version)
                else "DOCKER_HOST=unix:///run/docker.sock"
            )
        )
    if "name=userns" in options:
        yield (
            f"the container engine maps root to another user ({found}), and a machine of the lab needs "
            "root's own capabilities: take userns-remap out of /etc/docker/daemon.json"
        )


def of_control_groups(version: int | str, systemd: int, base: str) -> Iterator[str]:
    """Say that a base's systemd does not start on this host's version of control groups, if so.

    + version: of the control groups, as the engine or the kernel says it
    + systemd: version of the base's systemd, 0 if it is not known
    + base: name of the base
    """
    if str(version) == "1" and systemd >= _SYSTEMD_WITHOUT_CGROUP_V1:
        yield (
            f"the base {base} has systemd {systemd}, which does not start on cgroup v1, and this host has "
            "nothing else: boot it with systemd.unified_cgroup_hierarchy=1, or use LAB_BASE=debian"
        )


# --- of its containers: found before a machine is created ---------------------------------------------------


def of_containers(host: Host, machines: int, *, composes_on_fuse: bool) -> Iterator[str]:
    """Say what containers lack, here, to be that many more machines.

    + host: what one of them saw
    + machines: how many are about to be started
    + composes_on_fuse: whether the real rpm-ostree composes, on rofiles-fuse
    """
    missing = [name for name, bit in _CAPABILITY_BITS.items() if not host.capabilities >> bit & 1]
    if missing:
        yield f"the container engine does not give a container these capabilities: {', '.join(missing)}"
    if host.no_new_privileges:
        yield (
            "the container engine starts everything with no-new-privileges, and sudo does nothing then: "
            "take it out of the engine's configuration"
        )
    # Without these capabilities the rest fails as well, and would be blamed on something else.
    if not missing:
        yield from _forbidden(host)
    yield from _volumes(host)
    if composes_on_fuse and host.fuse:
        yield (
            f"the real rpm-ostree composes on FUSE, and a container cannot open /dev/fuse ({host.fuse}): "
            "sudo modprobe fuse"
        )
    yield from _inotify(host, machines)


def _forbidden(host: Host) -> Iterator[str]:
    if host.mount:
        culprits = [f"the security module's profile {host.label!r}"] if _is_confined(host.label) else []
        culprits += ["a seccomp filter"] if host.seccomp == _FILTER else []
        who = " or ".join(culprits) or "the engine or its host"
        yield f"{who} forbids a container with SYS_ADMIN to mount anything ({host.mount})"
        return  # nothing can be remounted then either
    if host.cgroup_path != "/":
        yield (
            f"a container has no cgroup namespace of its own (it sees itself in {host.cgroup_path}): "
            "the kernel does not do cgroupns=private, or the engine not here (Podman before 5.6 on cgroup v1)"
        )
    elif host.cgroup_write:
        yield (
            f"systemd cannot write its control groups (cgroup v{host.cgroup_version}) in a container: "
            f"{host.cgroup_write}"
        )


def _volumes(host: Host) -> Iterator[str]:
    options = {"nosuid", "noexec", "ro"} & {*host.volume.split(",")}
    if options:
        yield (
            f"the container engine's volumes are mounted {', '.join(sorted(options))}, and a system lies on "
            "them: keep them on a file system that is not"
        )
    if host.immutable:
        yield (
            "the container engine's volumes are on a file system without the immutable flag, which libostree "
            f"sets ({host.immutable}): keep them on ext4, xfs or btrfs"
        )
    if host.selinux:
        yield f"SELinux labels cannot be written on the container engine's volumes: {host.selinux}"


def _inotify(host: Host, machines: int) -> Iterator[str]:
    needed = _INOTIFY_PER_MACHINE * machines
    free = host.inotify_limit - host.inotify_used
    if free < needed:
        yield (
            f"{machines} more machines need about {needed} inotify instances, and {max(free, 0)} of "
            f"{host.inotify_limit} are left; raise the limit: "
            f"sudo sysctl {_INOTIFY_LIMIT}={host.inotify_used + needed + 128}"
        )


def _is_confined(label: str) -> bool:
    return label not in {"", "unconfined", "kernel"} and ":spc_t:" not in label


def _number(version: object) -> tuple[int, ...]:
    """Return a version's numbers, as far as they are some: 20.10.24+dfsg1 is 20, 10."""
    numbers: list[int] = []
    for part in str(version).split("."):
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)
