"""The container engine, through the docker SDK: just what a lab needs of it, with errors as sentences."""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from docker.types import IPAMConfig, IPAMPool
from requests.exceptions import RequestException

from lab.errors import LabError
from lab.network import LOOPBACK, Network
from lab.state import Lab, selected

LABEL = "pyinfra-rpm-ostree.lab"

# What systemd, firewalld and libostree's mounts need; --privileged would ask for more than some hosts give.
SERVER_CAPABILITIES = ("SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH")
CLIENT_CAPABILITIES = (*SERVER_CAPABILITIES, "LINUX_IMMUTABLE", "SYS_BOOT")

# The real rpm-ostree runs packages' scripts on rofiles-fuse; the stand-in does without.
DEVICES = [device for device in ("/dev/fuse",) if Path(device).exists()]

# Typed loosely because the stubs know only two of Docker's policies.
_AGAIN: Any = {"Name": "unless-stopped", "MaximumRetryCount": 0}

_REMOVAL_SECONDS = 15.0

Files = Mapping[str, tuple[bytes, int]]


@dataclass(frozen=True)
class MachineSpec:
    """A container that plays a machine: it has its own init, networks and a published SSH port."""

    name: str
    image: str
    hostname: str
    index: int  # the server is 0, clients are 1 and up: decides port and addresses
    command: tuple[str, ...]
    capabilities: tuple[str, ...]
    volumes: Mapping[str, str]  # volume name -> path
    aliases: tuple[str, ...] = ()  # names on the image network
    environment: Mapping[str, str] = field(default_factory=dict)
    tmpfs: Mapping[str, str] = field(default_factory=lambda: {"/run": "mode=755", "/tmp": "mode=1777"})
    files: Files = field(default_factory=dict)  # written before the first start
    restart: bool = False  # started again whenever its init ends, as a machine's reset does


class Engine:
    """A reachable Docker (or compatible) daemon."""

    def __init__(self, client: docker.DockerClient) -> None:
        self.client = client

    @classmethod
    def connect(cls) -> Engine:
        """Return the engine that DOCKER_HOST or the default socket leads to; LabError without an answer."""
        try:
            client = docker.DockerClient.from_env(timeout=300)
            client.ping()
        except (DockerException, RequestException) as error:
            raise LabError(f"no container engine answers at {_address()}: {_cause(error)}") from None
        return cls(client)

    def layers_are_files_in_user_space(self) -> bool:
        """Tell whether what a container reads of its image goes through a process: fuse-overlayfs."""
        return bool(self.client.info().get("Driver") == "fuse-overlayfs")

    # --- networks and volumes ---------------------------------------------------------------------------

    def ensure_network(self, lab: Lab, network: Network) -> None:
        """Create a network of the lab unless it is there."""
        if self.client.networks.list(names=[f"^{network.name}$"]):
            return
        pool = IPAMPool(subnet=str(network.subnet), gateway=str(network.subnet[1]))
        with _sentences(f"cannot create the network {network.name} ({network.subnet})"):
            self.client.networks.create(
                network.name,
                driver="bridge",
                internal=network.internal,
                ipam=IPAMConfig(pool_configs=[pool]),
                labels={LABEL: lab.name},
            )

    def ensure_volume(self, lab: Lab, name: str) -> bool:
        """Create a volume of the lab unless it is there; return whether it is new."""
        if self.has_volume(name):
            return False
        with _sentences(f"cannot create the volume {name}"):
            self.client.volumes.create(name, labels={LABEL: lab.name})
        return True

    def has_volume(self, name: str) -> bool:
        """Tell whether a volume of that name exists."""
        return any(volume.name == name for volume in self.client.volumes.list(filters={"name": name}))

    # --- containers -------------------------------------------------------------------------------------

    def find(self, name: str) -> Container | None:
        """Return a container by name, running or not."""
        try:
            return self.client.containers.get(name)
        except NotFound:
            return None

    def create_machine(self, lab: Lab, spec: MachineSpec) -> Container:
        """Create, but do not start, a machine on both networks of the lab.

        Its key files and whatever else is in `spec.files` are there before its init runs for the first time.
        """
        networks = lab.networks
        endpoint = self.client.api.create_endpoint_config(
            ipv4_address=networks.management.address(spec.index)
        )
        with _sentences(f"cannot create the container {spec.name}"):
            container = self.client.containers.create(
                spec.image,
                list(spec.command),
                name=spec.name,
                hostname=spec.hostname,
                labels={LABEL: lab.name},
                environment={"container": "docker", **spec.environment},
                cap_add=list(spec.capabilities),
                security_opt=["seccomp=unconfined", "apparmor=unconfined"],
                cgroupns="private",
                devices=DEVICES,
                tmpfs=dict(spec.tmpfs),
                volumes={name: {"bind": path, "mode": "rw"} for name, path in spec.volumes.items()},
                ports={"22/tcp": (LOOPBACK, networks.port(spec.index))},
                network=networks.management.name,
                networking_config={networks.management.name: endpoint},
                # systemd's own signal for "power off now, in order".
                stop_signal="SIGRTMIN+3",
                restart_policy=_AGAIN if spec.restart else None,
            )
            self.client.networks.get(networks.image.name).connect(
                container, ipv4_address=networks.image.address(spec.index), aliases=list(spec.aliases)
            )
            self.put(container, spec.files)
        return container

    def start(self, container: Container) -> None:
        """Start a created or stopped container."""
        with _sentences(f"cannot start the container {container.name}"):
            container.start()

    def put(self, container: Container, files: Files) -> None:
        """Write files owned by root (path -> content, mode) into a container, running or not."""
        if files:
            container.put_archive("/", tar(files))

    def execute(
        self,
        container: Container,
        argv: Sequence[str],
        *,
        user: str = "root",
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Run a command in a running container and return its standard output.

        Raises:
            LabError: it exited non-zero; the sentence has the last lines it printed.
        """
        done = container.exec_run(list(argv), user=user, environment=dict(environment or {}), demux=True)
        out, err = cast("tuple[bytes | None, bytes | None]", done.output)
        text = (out or b"").decode(errors="replace")
        if done.exit_code != 0:
            output = text + (err or b"").decode(errors="replace")
            raise LabError(_failure(f"{argv[0]} in {container.name}", done.exit_code, output))
        return text

    def run(
        self,
        image: str,
        argv: Sequence[str],
        *,
        volumes: Mapping[str, str] | None = None,
        capabilities: Sequence[str] = (),
        files: Files | None = None,
        lab: Lab | None = None,
        timeout: float = 600,
        **options: Any,
    ) -> str:
        """Run a command in a container of its own, without a network, remove it, and return what it printed.

        Args:
            image: name or identifier of the image.
            argv: the command, run as root.
            volumes: volume name -> path.
            capabilities: on top of the engine's default ones; any brings seccomp and AppArmor off.
            files: written before it starts: path -> (content, mode).
            lab: whose container it is, so that `down` finds one that was left by a kill; the selected one's.
            timeout: seconds; then the container is killed.
            options: further ones of docker's `containers.create`.

        Raises:
            LabError: it exited non-zero or took too long; the sentence has the last lines it printed.
        """
        settings: dict[str, Any] = {"network_mode": "none", **options}
        if capabilities:
            settings |= {
                "cap_add": list(capabilities),
                "security_opt": ["seccomp=unconfined", "apparmor=unconfined"],
            }
        with _sentences(f"cannot run {argv[0]} in a container of {image}"):
            container = self.client.containers.create(
                image,
                list(argv),
                labels={LABEL: (lab or selected()).name},
                volumes={name: {"bind": path, "mode": "rw"} for name, path in (volumes or {}).items()},
                entrypoint=[],
                **settings,
            )
        try:
            with _sentences(f"cannot run {argv[0]} in a container of {image}"):
                self.put(container, files or {})
                container.start()
            try:
                code = container.wait(timeout=timeout)["StatusCode"]
            except RequestException:
                raise LabError(
                    f"{argv[0]} in a container of {image} took longer than {timeout:.0f} s"
                ) from None
            text = container.logs(stdout=True, stderr=False).decode(errors="replace")
            if code != 0:
                errors = container.logs(stdout=False, stderr=True).decode(errors="replace")
                raise LabError(_failure(f"{argv[0]} in a container of {image}", code, text + errors))
            return text
        finally:
            container.remove(force=True)

    # --- the end ----------------------------------------------------------------------------------------

    def remove_lab(self, lab: Lab) -> list[str]:
        """Remove every container, volume and network of a lab; return what was removed, in words."""
        end = time.monotonic() + _REMOVAL_SECONDS
        while True:
            try:
                return self._remove_present(lab)
            except LabError:
                # What a killed run asked for last may still be in the making, unlisted, and hold a volume.
                if time.monotonic() >= end:
                    raise
                time.sleep(0.5)

    def _remove_present(self, lab: Lab) -> list[str]:
        chosen: dict[str, str | list[str] | bool] = {"label": f"{LABEL}={lab.name}"}
        removed: list[str] = []
        containers = self.client.containers.list(all=True, filters=chosen, ignore_removed=True)
        image = containers[0].attrs["Image"] if containers else self._any_image()
        with _sentences(f"cannot remove the lab {lab.name}"):
            for container in containers:
                container.remove(force=True, v=True)
            volumes = self.client.volumes.list(filters=chosen)
            if volumes and image:
                self._make_removable(image, [volume.name for volume in volumes])
            for volume in volumes:
                volume.remove(force=True)
            networks = self.client.networks.list(filters=chosen)
            for network in networks:
                network.remove()
        for kind, found in (("container", containers), ("volume", volumes), ("network", networks)):
            if found:
                removed.append(f"{len(found)} {kind}{'s' if len(found) > 1 else ''}")
        return removed

    def labs(self) -> list[str]:
        """Return the names of the labs that have containers, running or not."""
        found = self.client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)
        return sorted({str(container.labels[LABEL]) for container in found})

    def _any_image(self) -> str | None:
        images = self.client.images.list(filters={"label": f"{LABEL}.image"})
        return str(images[0].id) if images else None

    def _make_removable(self, image: str, volumes: Sequence[str]) -> None:
        # libostree sets the immutable flag on every deployment's root: nothing in it can be deleted then.
        script = "chattr -f -i /volumes/*/ostree/deploy/*/deploy/*.[0-9]* || true"
        self.run(
            image,
            ["/bin/sh", "-c", script],
            volumes={name: f"/volumes/{name}" for name in volumes},
            capabilities=("LINUX_IMMUTABLE",),
        )


def tar(files: Files) -> bytes:
    """Return a tar archive of root's files: path -> (content, mode); folders on the way are not in it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, (content, mode) in sorted(files.items()):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size = len(content)
            entry.mode = mode
            entry.mtime = int(time.time())
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@contextmanager
def _sentences(what: str) -> Iterator[None]:
    try:
        yield
    except (APIError, DockerException, RequestException) as error:
        raise LabError(f"{what}: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    text = error.explanation if isinstance(error, APIError) and error.explanation else str(error)
    return " ".join(str(text).split())


def _address() -> str:
    return os.environ.get("DOCKER_HOST", "its usual socket, /var/run/docker.sock")


def _cause(error: Exception) -> str:
    """Return the system's own words for what the SDK and its HTTP library have wrapped several times."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror
        seen = seen.__cause__ or seen.__context__
    return _reason(error)


def _failure(what: str, code: int | None, output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return f"{what} ended with {code}: {' | '.join(lines[-5:]) or 'it printed nothing'}"
