"""Bring a lab up, take it down, and say how it is."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from lab import bases, cache, clients, connection, keys, packages, preflight, server, state
from lab.bases import Base
from lab.engine import Engine, last_lines
from lab.errors import LabError
from lab.state import Lab, Machine, State

_BOOT_SECONDS = 90
# A client that falls back from a broken deployment needs two; a busy host takes its time for each.
_RESTARTS = 5
_DOWN_SECONDS = 20.0

Say = Callable[[str], None]


def up(engine: Engine, lab: Lab, clients_wanted: int, environment: Mapping[str, str], say: Say) -> State:
    """Bring a lab up, whatever an earlier run left of it.

    A finished lab is kept: stopped machines are started, missing clients added. What an interrupted `up` left
    (there is no state file then) or a lab without its server is removed first.

    + engine: where the containers run
    + lab: which one
    + clients_wanted: how many clients there are to be; never fewer than there are
    + environment: LAB_BASE and CI choose the base
    + say: prints a line of progress

    Raises LabError: it could not be done; the next `up` repairs what was created so far, and `down` removes
    it.
    """
    lab.folder.mkdir(parents=True, exist_ok=True)
    with _alone(lab):
        present = _present(engine, lab)
        if present is None:
            removed = engine.remove_lab(lab)
            if removed:
                say(f"removing what an unfinished lab left: {', '.join(removed)}")
            state.forget_contents(lab)
        return _raise(engine, lab, present, clients_wanted, environment, say)


def _raise(
    engine: Engine,
    lab: Lab,
    present: State | None,
    clients_wanted: int,
    environment: Mapping[str, str],
    say: Say,
) -> State:
    if present is None:
        base = bases.choose(environment)
        preflight.check_engine(engine, base)
        preflight.check_disk(engine)
        image = bases.ensure_image(engine, base, say)
        wanted = lab.clients(clients_wanted)
    else:
        base = Base(present.base, real_rpm_ostree=present.base != bases.DEBIAN.name)
        image = present.image
        wanted = lab.clients(max(clients_wanted, len(present.clients)))
    machines = (lab.server, *wanted)
    missing = [machine for machine in machines if engine.find(machine.container) is None]
    if missing:
        preflight.check_ports(missing, lab)
        preflight.check_containers(engine, image, base, lab, len(missing))

    networks = lab.networks
    engine.ensure_network(lab, networks.management)
    engine.ensure_network(lab, networks.image)
    keys.write_known_hosts(lab, machines)
    container = engine.find(lab.server.container) or server.create(engine, lab, base, image)
    if container.status != "running":
        say("starting the server")
        engine.start(container)
    packages.prepare(engine, lab, image, say)
    if wanted:
        clients.up(engine, lab, image, wanted, say)
    for machine in machines:
        wait(engine, lab, machine)
    finished = State(
        name=lab.name,
        base=base.name,
        image=image,
        server=lab.server,
        clients=wanted,
        management_network=networks.management.name,
        image_network=networks.image.name,
    )
    state.write(lab, finished)
    return finished


def _present(engine: Engine, lab: Lab) -> State | None:
    """Return the state of a lab that was finished once and still has its server."""
    try:
        found = state.read(lab)
    except LabError:
        return None
    return found if engine.find(found.server.container) else None


def down(engine: Engine, lab: Lab, say: Say) -> None:
    """Remove a lab and everything it left: containers, volumes, networks, keys and state."""
    say(f"removing the lab {lab.name}")
    removed = engine.remove_lab(lab)
    state.forget(lab)
    say(f"removed {', '.join(removed)}" if removed else f"there was nothing of a lab {lab.name}")


def remove_shared(engine: Engine, say: Say) -> None:
    """Remove what labs share and the next one would reuse: images, packages, the clients' installation.

    Raises LabError: a lab still uses it.
    """
    labs = engine.labs()
    if labs:
        raise LabError(f"the lab {', '.join(labs)} still uses what labs share; remove it first")
    say("removing what labs share: images, packages, the clients' first installation")
    images = bases.built(engine)
    if images:
        cache.remove_all(engine, images[0])
    for image in images:
        engine.client.images.remove(image, force=True)


def machine_states(engine: Engine, found: State) -> list[dict[str, object]]:
    """Return every machine with what the engine says of its container."""
    rows: list[dict[str, object]] = []
    for machine in found.machines:
        container = engine.find(machine.container)
        rows.append(
            {
                "name": machine.name,
                "follows": machine.follows,
                "state": container.status if container else "missing",
                "ssh": f"127.0.0.1:{machine.port}",
                "address": machine.address,
            }
        )
    return rows


def reboot(engine: Engine, lab: Lab, machine: Machine, say: Say) -> None:
    """Reboot a machine in order and return when it can be logged in to again.

    Raises LabError: its container is not there, or it did not come back in time.
    """
    container = engine.find(machine.container)
    if container is None:
        raise LabError(f"{machine.name} has no container; repair the lab: {state.typed('up')}")
    if container.status != "running":
        say(f"starting {machine.name}")
        engine.start(container)
    else:
        say(f"rebooting {machine.name}")
        before = started_at(engine, machine)
        engine.execute(container, ["systemctl", "--no-block", "reboot"])
        connection.until(
            lambda: started_at(engine, machine) != before, _BOOT_SECONDS, f"{machine.name} did not go down"
        )
    wait(engine, lab, machine)


def wait(engine: Engine, lab: Lab, machine: Machine, seconds: float = _BOOT_SECONDS) -> None:
    """Return once a machine can be logged in to; one that hangs in its boot is reset, once.

    Raises LabError: it ended and stays so, or ends again and again, or time is up; with its last output.
    """
    try:
        _until_answering(engine, lab, machine, seconds)
    except LabError as error:
        container = engine.find(machine.container)
        if container is None or how_it_ended(engine, machine):
            raise
        # Seen once in some hundred boots, on a host with three times the load that it has processors for.
        print(f"{error}; it runs, so it is reset", file=sys.stderr)
        container.restart(timeout=1)
        _until_answering(engine, lab, machine, seconds)


def _until_answering(engine: Engine, lab: Lab, machine: Machine, seconds: float) -> None:
    # A machine is started again whenever it ends, so one that is down may just be rebooting.
    first, down_since = _restarts(engine, machine), 0.0

    def ended() -> str | None:
        nonlocal down_since
        why = how_it_ended(engine, machine)
        down_since = (down_since or time.monotonic()) if why else 0.0
        lasting = down_since and time.monotonic() - down_since > _DOWN_SECONDS
        return why if lasting or _restarts(engine, machine) - first >= _RESTARTS else None

    connection.wait(lab, machine, seconds, ended)


def how_it_ended(engine: Engine, machine: Machine) -> str | None:
    """Return why a machine is not running now, with its last output and what it ran on; None if it is."""
    container = engine.find(machine.container)
    if container is None:
        return f"{machine.name} has no container; repair the lab: {state.typed('up')}"
    how = container.attrs["State"]
    if how["Status"] == "running":
        return None
    if how["Status"] == "created":
        return f"{machine.name} was never started"
    printed = last_lines(engine.console(container, 20))
    return f"{machine.name} ended with {how['ExitCode']}: {printed} (on {engine})"


def _restarts(engine: Engine, machine: Machine) -> int:
    container = engine.find(machine.container)
    return int(container.attrs.get("RestartCount") or 0) if container else 0


def started_at(engine: Engine, machine: Machine) -> str:
    """Return when a machine's container was started last, as the engine writes it."""
    container = engine.find(machine.container)
    return str(container.attrs["State"]["StartedAt"]) if container else ""


@contextmanager
def _alone(lab: Lab) -> Iterator[None]:
    handle = os.open(lab.folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise LabError(f"another `lab up` of {lab.name!r} is running; wait for it to end") from None
    finally:
        os.close(handle)
