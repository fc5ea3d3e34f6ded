"""The container engine, through the docker SDK: just what a lab needs of it, with errors as sentences."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import docker
from docker.errors import APIError, DockerException, InvalidVersion, NotFound
from docker.models.containers import Container
from docker.models.images import Image
from docker.types import IPAMConfig, IPAMPool
from docker.utils.socket import frames_iter
from paramiko import SSHException
from requests.exceptions import RequestException

from lab.errors import LabError
from lab.network import LOOPBACK, Network
from lab.state import Lab, selected

LABEL = "pyinfra-rpm-ostree.lab"

# What systemd, firewalld and libostree's mounts need; --privileged would ask for more than some hosts give.
SERVER_CAPABILITIES = ("SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH")
CLIENT_CAPABILITIES = (*SERVER_CAPABILITIES, "LINUX_IMMUTABLE", "SYS_BOOT")

# Where the host enforces SELinux, a container's own label keeps it from volumes with a system's labels.
_UNLABELLED = ("label=disable",)
# Both forbid the mounts that the capabilities above are for.
_UNCONFINED = (*_UNLABELLED, "seccomp=unconfined", "apparmor=unconfined")

DOCKER_SOCKET = "/var/run/docker.sock"
PODMAN_SOCKET = "/run/podman/podman.sock"

# The real rpm-ostree runs packages' scripts on rofiles-fuse; the stand-in does without.
DEVICES = [device for device in ("/dev/fuse",) if Path(device).exists()]

# Typed loosely because the stubs know only two of Docker's policies.
_AGAIN: Any = {"Name": "unless-stopped", "MaximumRetryCount": 0}

_REMOVAL_SECONDS = 15.0
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

Files = Mapping[str, tuple[bytes, int]]


@dataclass(frozen=True)
class Finished:
    """What a command in a container left: its exit status and what it wrote."""

    code: int
    out: str
    err: str


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
        """Return the engine at `address`; LabError without an answer, or with one of no use here."""
        where = address(os.environ)
        if is_elsewhere(where):
            raise LabError(
                f"the container engine is on another machine ({where}), and the lab's ports are on that "
                f"one's {LOOPBACK}: use an engine of this machine, or run the lab over there"
            )
        try:
            client = docker.DockerClient.from_env(
                timeout=300, environment={**os.environ, "DOCKER_HOST": where}
            )
            client.ping()
        except InvalidVersion as error:
            raise LabError(f"the container engine at {where} is too old: {reason(error)}") from None
        except (DockerException, RequestException, SSHException, OSError) as error:
            raise LabError(f"no container engine answers at {where}: {_cause(error)}") from None
        return cls(client)

    @cached_property
    def info(self) -> Mapping[str, Any]:
        """What the engine says of itself and its host; asked once."""
        with _sentences("the container engine does not say what it is"):
            return cast("Mapping[str, Any]", self.client.info())

    @cached_property
    def version(self) -> Mapping[str, Any]:
        """The engine's version and the API's; asked once."""
        with _sentences("the container engine does not say its version"):
            return cast("Mapping[str, Any]", self.client.version())

    def __str__(self) -> str:
        return describe(self.version, self.info)

    def layers_are_files_in_user_space(self) -> bool:
        """Tell whether what a container reads of its image goes through a process: fuse-overlayfs."""
        return bool(self.info.get("Driver") == "fuse-overlayfs")

    # --- images -----------------------------------------------------------------------------------------

    def import_image(self, root: Path, name: str, changes: Sequence[str]) -> Image:
        """Make an image of a root file system.

        It is named by the identifier that the engine answers: Podman 4 calls whatever it imports `latest`.

        + root: a tar file of it
        + name: REPOSITORY:TAG
        + changes: instructions of a Containerfile, such as LABEL
        """
        what = f"the container engine did not take the image {name}"
        with _sentences(what):
            answer = json.loads(
                self.client.api.import_image(str(root), changes=list(changes)).splitlines()[-1]
            )
            if "status" not in answer:
                raise LabError(f"{what}: {answer.get('error', answer)}")
            image = self.client.images.get(answer["status"])
            image.tag(*name.split(":"))
        return image

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

    def containers(self, lab: Lab) -> dict[str, Container]:
        """Return the containers of a lab by name, running or not."""
        chosen: dict[str, Any] = {"label": f"{LABEL}={lab.name}"}
        found = self.client.containers.list(all=True, filters=chosen, ignore_removed=True)
        return {str(container.name): container for container in found}

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
                self._reference(spec.image),
                list(spec.command),
                name=spec.name,
                hostname=spec.hostname,
                labels={LABEL: lab.name},
                # Without a terminal systemd tells nobody why it ends; the engine keeps what it writes there.
                tty=True,
                environment={"container": "docker", **spec.environment},
                cap_add=list(spec.capabilities),
                security_opt=list(_UNCONFINED),
                cgroupns="private",
                devices=DEVICES,
                tmpfs=dict(spec.tmpfs),
                volumes=self._mounts(spec.volumes),
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

    def console(self, container: Container, lines: int) -> str:
        """Return the last lines that a machine wrote to its console, without colours."""
        with _sentences(f"cannot read the console of {container.name}"):
            return _COLOUR.sub("", container.logs(tail=lines).decode(errors="replace")).replace("\r", "")

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

        Raises LabError: it exited non-zero; the sentence has the last lines it printed.
        """
        done = self.call(container, argv, user=user, environment=environment)
        if done.code != 0:
            raise LabError(_failure(f"{argv[0]} in {container.name}", done.code, done.out + done.err))
        return done.out

    def call(
        self,
        container: Container,
        argv: Sequence[str],
        *,
        user: str = "root",
        environment: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        timeout: float = 300,
    ) -> Finished:
        """Run a command in a running container, whatever becomes of it.

        + container: where
        + argv: the command
        + user: who runs it
        + environment: further variables
        + stdin: for its standard input
        + timeout: seconds that it may take; then nobody listens to it any more

        Raises LabError: the engine did not run it, or it took too long.
        """
        api = self.client.api
        with _sentences(f"cannot run {argv[0]} in {container.name}"):
            found = api.exec_create(
                container.id, list(argv), stdin=True, user=user, environment=dict(environment or {})
            )
            # The SDK reads such a stream, but writes none: standard input needs the socket under it.
            stream = api.exec_start(found["Id"], socket=True)
            connection = cast("socket.socket", getattr(cast("Any", stream), "_sock", stream))
            feeder = threading.Thread(target=_feed, args=(connection, stdin), daemon=True)
            feeder.start()
            # Reading waits without an end: when time is up, the connection is ended for it.
            late = threading.Event()

            def end() -> None:
                late.set()
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

            clock = threading.Timer(timeout, end)
            clock.daemon = True
            clock.start()
            written: dict[int, list[bytes]] = {1: [], 2: []}
            try:
                for kind, data in frames_iter(stream, tty=False):
                    written[kind].append(data)
                while (code := api.exec_inspect(found["Id"])["ExitCode"]) is None and not late.is_set():
                    time.sleep(0.02)
            finally:
                clock.cancel()
                stream.close()
        if code is None:
            raise LabError(f"{argv[0]} in {container.name} took longer than {timeout:.0f} s")
        out, err = (b"".join(written[kind]).decode(errors="replace") for kind in (1, 2))
        return Finished(code, out, err)

    def run(self, image: str, argv: Sequence[str], **options: Any) -> str:
        """Run a command in a container of its own and return what it printed; `finish` has the arguments.

        Raises LabError: it exited non-zero or took too long; the sentence has the last lines it printed.
        """
        done = self.finish(image, argv, **options)
        if done.code != 0:
            raise LabError(_failure(f"{argv[0]} in a container of {image}", done.code, done.out + done.err))
        return done.out

    def finish(
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
    ) -> Finished:
        """Run a command in a container of its own, without a network, and remove it, whatever becomes of it.

        + image: name or identifier of the image
        + argv: the command, run as root
        + volumes: volume name -> path
        + capabilities: on top of the engine's default ones; any brings seccomp and AppArmor off
        + files: written before it starts: path -> (content, mode)
        + lab: whose container it is, so that `down` finds one that was left by a kill; the selected one's
        + timeout: seconds; then the container is killed
        + options: further ones of docker's `containers.create`

        Raises LabError: the engine did not run it, or it took too long.
        """
        settings: dict[str, Any] = {"network_mode": "none", **options}
        if capabilities:
            settings["cap_add"] = list(capabilities)
        what = f"cannot run {argv[0]} in a container of {image}"
        with _sentences(what):
            container = self.client.containers.create(
                self._reference(image),
                list(argv),
                labels={LABEL: (lab or selected()).name},
                volumes=self._mounts(volumes or {}),
                entrypoint=[],
                security_opt=list(_UNCONFINED if capabilities else _UNLABELLED),
                **settings,
            )
        try:
            with _sentences(what):
                self.put(container, files or {})
                container.start()
            try:
                code = container.wait(timeout=timeout)["StatusCode"]
            except RequestException:
                raise LabError(
                    f"{argv[0]} in a container of {image} took longer than {timeout:.0f} s"
                ) from None
            out, err = (
                container.logs(stdout=kind == 1, stderr=kind == 2).decode(errors="replace") for kind in (1, 2)
            )
            return Finished(code, out, err)
        finally:
            container.remove(force=True, v=True)

    def _reference(self, image: str) -> str:
        # Podman 4 takes what stands before the colon of an identifier for a name.
        return image.removeprefix("sha256:") if is_podman(self.version) else image

    def _mounts(self, volumes: Mapping[str, str]) -> dict[str, dict[str, str]]:
        # Podman mounts its volumes nosuid and nodev unless it is asked not to; Docker refuses to be asked.
        mode = "rw,suid,dev,exec" if is_podman(self.version) else "rw"
        return {name: {"bind": path, "mode": mode} for name, path in volumes.items()}

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
        containers = list(self.containers(lab).values())
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


def address(environment: Mapping[str, str]) -> str:
    """Return where the engine is: DOCKER_HOST, or Docker's socket, or root's Podman if only that is there."""
    lone_podman = is_there(PODMAN_SOCKET) and not is_there(DOCKER_SOCKET)
    return environment.get("DOCKER_HOST") or f"unix://{PODMAN_SOCKET if lone_podman else DOCKER_SOCKET}"


def is_elsewhere(where: str) -> bool:
    """Tell whether an engine's address is another machine's, whose published ports nobody here reaches."""
    parts = urlsplit(where)
    return parts.scheme not in {"unix", "npipe"} and parts.hostname not in {"localhost", LOOPBACK, "::1"}


def is_there(path: str) -> bool:
    """Tell whether a path is there for this user: root's Podman keeps its socket in a folder of its own."""
    return os.access(path, os.F_OK)


def is_podman(version: Mapping[str, Any]) -> bool:
    """Tell Podman from Docker by what it answers for its version."""
    return any(each.get("Name") == "Podman Engine" for each in version.get("Components") or [])


def describe(version: Mapping[str, Any], info: Mapping[str, Any]) -> str:
    """Return an engine's name and version and the host's control groups, for whoever has to find a fault."""
    name = "Podman" if is_podman(version) else "Docker"
    return (
        f"{name} {version.get('Version', 'of an unknown version')}, cgroup v{info.get('CgroupVersion', '?')}"
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
        raise LabError(f"{what}: {reason(error)}") from None


def reason(error: Exception) -> str:
    """Return what the engine said, in one line."""
    text = error.explanation if isinstance(error, APIError) and error.explanation else str(error)
    return " ".join(str(text).split())


def _cause(error: Exception) -> str:
    """Return the system's own words for what the SDK and its HTTP library have wrapped several times."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror
        seen = seen.__cause__ or seen.__context__
    return reason(error)


def _feed(connection: socket.socket, data: bytes) -> None:
    # A command may end without having read it all.
    with suppress(OSError):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)


def _failure(what: str, code: int | None, output: str) -> str:
    return f"{what} ended with {code}: {last_lines(output)}"


def last_lines(output: str) -> str:
    """Return the end of what a program printed, in one line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return " | ".join(lines[-5:]) or "it printed nothing"
