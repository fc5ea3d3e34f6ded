"""What a lab needs of the machine it runs on: each lack is one sentence, found before anything is created."""

from __future__ import annotations

import errno
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

from lab import lacks, probe
from lab.bases import Base
from lab.engine import Engine
from lab.errors import LabError
from lab.network import LOOPBACK
from lab.state import Lab, Machine

_MINIMUM_FREE = 6 * 2**30


def check_engine(engine: Engine, base: Base) -> None:
    """Refuse an engine that no lab runs on, or not one of this base, with a sentence for each reason."""
    _refuse(
        [
            *lacks.of_engine(engine.version, engine.info),
            *lacks.of_control_groups(engine.info.get("CgroupVersion", ""), base.systemd, base.name),
        ]
    )


def check_containers(engine: Engine, image: str, base: Base, lab: Lab, machines: int) -> None:
    """Refuse a host whose containers cannot be that many more machines, with a sentence for each reason."""
    host = probe.look(engine, image, lab)
    _refuse(
        [
            *lacks.of_containers(host, machines, composes_on_fuse=base.real_rpm_ostree),
            *lacks.of_control_groups(host.cgroup_version, host.systemd, base.name),
        ]
    )


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        raise LabError("; ".join(problems))


def check_ports(machines: Sequence[Machine], lab: Lab) -> None:
    """Refuse ports of 127.0.0.1 that something else listens on already."""
    taken = [str(machine.port) for machine in machines if not _is_free(machine.port)]
    if taken:
        raise LabError(
            f"the lab {lab.name!r} needs port {', '.join(taken)} of {LOOPBACK}, which is in use; "
            f"stop what listens there, or choose a lab with other ports: LAB_NAME=another"
        )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


def check_disk(engine: Engine) -> None:
    """Refuse too little space where the engine keeps its volumes, if that is on this machine."""
    root = Path(str(engine.info.get("DockerRootDir", "")))
    if root.is_dir():
        free = shutil.disk_usage(root).free
        if free < _MINIMUM_FREE:
            raise LabError(
                f"a lab needs {_MINIMUM_FREE / 2**30:.0f} GiB of disk; {root} has {free / 2**30:.1f} GiB free"
            )
