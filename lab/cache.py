"""Volumes that outlive a lab: what takes long to make and is the same for every lab of this checkout."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from docker.errors import APIError

from lab.engine import LABEL, Engine
from lab.errors import LabError

CACHE_LABEL = f"{LABEL}.cache"
_MARK = "complete"
_KEPT = timedelta(hours=1)


@dataclass(frozen=True)
class Volume:
    """A volume of one kind; the key is a hash of everything it is made from."""

    kind: str
    key: str

    @property
    def name(self) -> str:
        return f"ostree-lab-{self.kind}-{self.key}"


def ensure(engine: Engine, image: str, volume: Volume, build: Callable[[], None]) -> None:
    """Make a volume with what belongs in it, unless it is there as a whole.

    + engine: where the volume lies
    + image: for helper containers
    + volume: which one
    + build: fills the volume, which is new and empty then; it is only whole if this returns
    """
    with _one_builder(volume.kind):
        if engine.has_volume(volume.name):
            if _is_complete(engine, image, volume.name):
                return
            remove(engine, image, volume.name)
        engine.client.volumes.create(volume.name, labels={CACHE_LABEL: volume.kind})
        build()
        engine.run(image, ["touch", f"/cache/{_MARK}"], volumes={volume.name: "/cache"})
        _remove_others(engine, image, volume)


def remove_all(engine: Engine, image: str) -> int:
    """Remove every cached volume; return how many there were."""
    found = engine.client.volumes.list(filters={"label": CACHE_LABEL})
    for volume in found:
        remove(engine, image, str(volume.name))
    return len(found)


def remove(engine: Engine, image: str, name: str) -> None:
    """Remove one volume, with the deployments in it that libostree made immutable."""
    script = "chattr -f -i /cache/ostree/deploy/*/deploy/*.[0-9]* || true"
    engine.run(image, ["/bin/sh", "-c", script], volumes={name: "/cache"}, capabilities=("LINUX_IMMUTABLE",))
    engine.client.volumes.get(name).remove(force=True)


def _is_complete(engine: Engine, image: str, name: str) -> bool:
    script = f"[ -e /cache/{_MARK} ] && echo yes || echo no"
    return engine.run(image, ["/bin/sh", "-c", script], volumes={name: "/cache"}).strip() == "yes"


def _remove_others(engine: Engine, image: str, volume: Volume) -> None:
    # Made from older sources; or by another checkout, which may be about to copy from one that is new.
    # One that a container still uses stays until the next time.
    for other in engine.client.volumes.list(filters={"label": f"{CACHE_LABEL}={volume.kind}"}):
        age = datetime.now(UTC) - datetime.fromisoformat(other.attrs["CreatedAt"])
        if other.name != volume.name and age > _KEPT:
            try:
                remove(engine, image, str(other.name))
            except (APIError, LabError):
                continue


@contextmanager
def _one_builder(kind: str) -> Iterator[None]:
    # Two labs that start at the same time share these volumes: the second waits for the first.
    path = Path(__file__).resolve().parent.parent / ".lab"
    path.mkdir(exist_ok=True)
    handle = os.open(path / f"{kind}.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
