"""Gates of the administrator's own: the executables, the sandbox they run in, and who may start that."""

from pathlib import Path

from pyinfra.api import deploy

from tasks.operations import managed_files
from tasks.operations.managed_files import Directory, File, names_file
from tasks.pyinfra_gaps.templates import render
from tasks.settings import places
from tasks.settings.declared import Server

UNIT = "ostree-release-gate@"
# The longest time limit that a policy allows (ostree_release/policy.py), with an hour to spare.
RUNTIME_SECONDS = 25 * 3600


@deploy("Gates")
def install_gates(settings: Server) -> None:
    """Install the sandbox and the gates; remove those of earlier settings, leave the administrator's own."""
    wanted = own_gates(settings)
    remembered = managed_files.remembered(places.DECLARED_GATES)
    managed_files.declared(
        name="Sandbox and gates of your own",
        directories=[Directory(places.GATES)],
        files=[
            # Remembered first: cut off after this file, the next run still knows what is ours.
            names_file(places.DECLARED_GATES, {*remembered, *wanted}),
            File(f"{places.UNITS}/{UNIT}.service", service_text()),
            File(places.POLKIT_RULE, polkit_text()),
            *(File(f"{places.GATES}/{name}", content, mode="755") for name, content in wanted.items()),
        ],
        absent=[f"{places.GATES}/{name}" for name in remembered if name not in wanted],
    )
    if set(remembered) != set(wanted):
        managed_files.declared(name="Names of these gates", files=[names_file(places.DECLARED_GATES, wanted)])


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
