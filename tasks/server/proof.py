"""Proving daily that what is published is what the journal says: a finding is a failed unit."""

from __future__ import annotations

from pyinfra.api import deploy

from tasks.operations import managed_files, units
from tasks.operations.managed_files import File
from tasks.server import places
from tasks.templates import render

UNIT = "ostree-release-verify"


@deploy("Proof")
def prove_daily() -> None:
    """Install unit and timer, and start the timer."""
    managed_files.declared(
        name="Unit and timer",
        files=[
            File(f"{places.UNITS}/{UNIT}.service", service_text()),
            File(f"{places.UNITS}/{UNIT}.timer", render(f"systemd/{UNIT}.timer.j2")),
        ],
    )
    units.running(name="Daily proof", started=[f"{UNIT}.timer"], loaded=[f"{UNIT}.service"])


def service_text() -> str:
    """Render the unit that proves."""
    return render(
        f"systemd/{UNIT}.service.j2",
        command=places.COMMAND,
        user=places.RELEASE_USER,
        run=places.RUN,
        proofs=f"{places.STATE}/verify",
    )
