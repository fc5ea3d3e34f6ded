"""The repository server's container: a plain machine with systemd and sshd; the rest is deploy.py's work."""

from __future__ import annotations

from docker.models.containers import Container

from lab import keys, rpm_ostree
from lab.bases import Base
from lab.engine import SERVER_CAPABILITIES, Engine, MachineSpec
from lab.network import PUBLIC_NAME
from lab.state import LOGINS, Lab

PACKAGES_PATH = "/srv/lab/packages"

# On cgroup v2 the hierarchy is read-only without --privileged, and systemd ends before its first line.
START = """
[ ! -e /sys/fs/cgroup/cgroup.controllers ] || mount -o remount,rw,bind /sys/fs/cgroup
exec /sbin/init
"""


def create(engine: Engine, lab: Lab, base: Base, image: str) -> Container:
    """Create the server's container, with its keys in it, ready for its first boot."""
    # Where repositories, caches and logs lie: a container's own layers are slow, and lost with it.
    kept = ("var", "srv", "usr") if engine.layers_are_files_in_user_space() else ("var", "srv")
    volumes = {lab.resource(name): f"/{name}" for name in kept} | {lab.packages_volume: PACKAGES_PATH}
    for volume in volumes:
        engine.ensure_volume(lab, volume)
    login_line = f"{keys.user_key(lab).public}\n".encode()
    files = keys.host_key_files(keys.host_key(lab, lab.server))
    # Owned by root, which sshd accepts: a login cannot lock the lab out by mistake.
    files |= {f"/home/{login}/.ssh/authorized_keys": (login_line, 0o644) for login in LOGINS.values()}
    if not base.real_rpm_ostree:
        files |= rpm_ostree.files()
    return engine.create_machine(
        lab,
        MachineSpec(
            name=lab.server.container,
            image=image,
            hostname="server",
            index=0,
            command=("/bin/sh", "-c", START),
            capabilities=SERVER_CAPABILITIES,
            volumes=volumes,
            aliases=(PUBLIC_NAME,),
            files=files,
            restart=True,
        ),
    )
