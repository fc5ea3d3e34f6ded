"""Images that the lab's server starts from: chosen, built once, found again by a hash of their content."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import tarfile
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import APIError, BuildError, ImageNotFound
from requests.exceptions import RequestException

from lab import debootstrap, installing
from lab.engine import LABEL, Engine
from lab.errors import LabError
from lab.state import ROOT

IMAGE_LABEL = f"{LABEL}.image"

_HERE = Path(__file__).resolve().parent
_FILES = {
    "debian": ("debian.toml", "debian-root.sh", "machine.sh"),
    "fedora": ("fedora.Containerfile", "machine.sh"),
}


@dataclass(frozen=True)
class Base:
    """What the server's image is built from, and who composes there."""

    name: str
    # Where there is a real rpm-ostree, the stand-in is not installed.
    real_rpm_ostree: bool
    systemd: int = 0  # its version, 0 where only the image knows


DEBIAN = Base("debian", real_rpm_ostree=False, systemd=257)
FEDORA = Base("fedora", real_rpm_ostree=True, systemd=259)


def choose(environment: Mapping[str, str]) -> Base:
    """Return the base that LAB_BASE names; without it Debian, the one that has been run from end to end."""
    wanted = environment.get("LAB_BASE") or DEBIAN.name
    return {base.name: base for base in (DEBIAN, FEDORA)}.get(wanted) or Base(wanted, real_rpm_ostree=True)


def content_hash(name: str) -> str:
    """Return the hash of everything that goes into a base's image, as 12 hexadecimal digits."""
    digest = hashlib.sha256()
    for file in _FILES[name]:
        content = (_HERE / file).read_bytes()
        digest.update(f"{file} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:12]


def ensure_image(engine: Engine, base: Base, say: Callable[[str], None]) -> str:
    """Return the identifier of a base's image, building it if this content was not built here before."""
    if base.name not in _FILES:
        return _given_image(engine, base.name)
    tag = f"ostree-lab-{base.name}:{content_hash(base.name)}"
    with _one_builder():
        found = _image(engine, tag)
        if found is None:
            if base == DEBIAN:
                _build_debian(engine, tag, say)
            else:
                _build_fedora(engine, tag, say)
            found = _image(engine, tag)
            _remove_others(engine, tag, found)
    if found is None:
        raise LabError(f"the engine has no image {tag} although it was just built")
    return found


def built(engine: Engine) -> list[str]:
    """Return the identifiers of all images that were built for labs."""
    return [str(image.id) for image in engine.client.images.list(filters={"label": IMAGE_LABEL})]


def _remove_others(engine: Engine, tag: str, wanted: str | None) -> None:
    # Built from older sources. One that a lab still runs on stays until that is gone.
    base = tag.partition(":")[0]
    for image in engine.client.images.list(name=base, filters={"label": IMAGE_LABEL}):
        # Not by its tags: Podman puts a registry before them.
        if image.id != wanted:
            with suppress(APIError):
                engine.client.images.remove(str(image.id))


def _image(engine: Engine, name: str) -> str | None:
    try:
        return str(engine.client.images.get(name).id)
    except ImageNotFound:
        return None


def _given_image(engine: Engine, name: str) -> str:
    found = _image(engine, name)
    if found is None:
        raise LabError(
            f"LAB_BASE={name}: neither 'debian' nor 'fedora', and the engine has no image of that name"
        )
    return found


def _build_debian(engine: Engine, tag: str, say: Callable[[str], None]) -> None:
    installing.ensure_mmdebstrap(say)
    say("building the server's image from Debian packages (about a minute, once)")
    data: dict[str, Any] = tomllib.loads((_HERE / "debian.toml").read_text())
    with _build_folder() as folder:
        root = folder / "root.tar"
        debootstrap.root_tar(
            root,
            data["suite"],
            [*data["server"], *data["rpm_ostree"]],
            f"--customize-hook={_HERE / 'debian-root.sh'}",
            "--skip=cleanup/apt/lists",
            environment={"LAB_ARCHIVE": " ".join(data["archive"]), "LAB_MACHINE": str(_HERE / "machine.sh")},
        )
        say("handing the image to the container engine")
        label = f"LABEL {IMAGE_LABEL}={tag.split(':')[1]}"
        engine.import_image(root, tag, [label, 'CMD ["/sbin/init"]'])


def _build_fedora(engine: Engine, tag: str, say: Callable[[str], None]) -> None:
    say("building the server's image from Fedora's (a few minutes, once)")
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for file in _FILES["fedora"]:
            archive.add(_HERE / file, arcname=file)
    context.seek(0)
    try:
        engine.client.images.build(
            fileobj=context,
            custom_context=True,
            dockerfile="fedora.Containerfile",
            tag=tag,
            labels={IMAGE_LABEL: tag.split(":")[1]},
            rm=True,
            network_mode="host",
        )
    except (APIError, BuildError, RequestException) as error:
        raise LabError(f"the Fedora image could not be built: {error}") from None


@contextmanager
def _build_folder() -> Iterator[Path]:
    # Not /tmp, which is memory on many machines.
    parent = ROOT / ".lab"
    parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="build-", dir=parent) as name:
        yield Path(name)


@contextmanager
def _one_builder() -> Iterator[None]:
    # Two labs that start at the same time share the image: the second waits for the first to have built it.
    handle = os.open(_HERE, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
