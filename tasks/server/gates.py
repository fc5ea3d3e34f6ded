"""Gates of the administrator's own: the executables, the sandbox they run in, and who may start that."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pyinfra import host
from pyinfra.api import deploy

from tasks.facts.managed_files import Content
from tasks.operations import managed_files
from tasks.operations.managed_files import Directory, File
from tasks.pyinfra_gaps.templates import render
from tasks.settings import places
from tasks.settings.values import Server

UNIT = "ostree-release-gate@"
# The longest time limit that a policy allows (ostree_release/policy.py), with an hour to spare.
RUNTIME_SECONDS = 25 * 3600


@deploy("Gates")
def install_gates(settings: Server) -> None:
    """Install the sandbox and the gates; remove those of earlier settings, leave the administrator's own."""
    wanted = own_gates(settings)
    remembered = (host.get_fact(Content, path=places.DECLARED_GATES) or b"").decode(errors="replace").split()
    managed_files.declared(
        name="Sandbox and gates of your own",
        directories=[Directory(places.GATES)],
        files=[
            # Remembered first: cut off after this file, the next run still knows what is ours.
            _memory({*remembered, *wanted}),
            File(f"{places.UNITS}/{UNIT}.service", service_text()),
            File(places.POLKIT_RULE, polkit_text()),
            *(File(f"{places.GATES}/{name}", content, mode="755") for name, content in wanted.items()),
        ],
        absent=[f"{places.GATES}/{name}" for name in remembered if name not in wanted],
    )
    if set(remembered) != set(wanted):
        managed_files.declared(name="Names of these gates", files=[_memory(wanted)])


def own_gates(settings: Server) -> dict[str, bytes]:
    """Read the gates on the laptop: name -> content, in the order in which they will run."""
    if settings.gates_directory is None:
        return {}
    folder = Path(settings.gates_directory).expanduser()
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name[0] != "."}


def service_text() -> str:
    """Render the sandbox."""
    return render(f"systemd/{UNIT}.service.j2", runtime_seconds=RUNTIME_SECONDS)


def polkit_text() -> str:
    """Render the rule that lets the user who promotes start sandboxes."""
    return render("polkit/ostree-release.rules.j2", unit=UNIT)


def _memory(names: Iterable[str]) -> File:
    return File(places.DECLARED_GATES, "".join(f"{name}\n" for name in sorted(names)))
