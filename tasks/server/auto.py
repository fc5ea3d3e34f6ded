"""Promotion by itself: the unit that does it, and a timer for each environment that asks for it."""

from __future__ import annotations

from pyinfra.api import deploy

from tasks.operations import managed_files, units
from tasks.operations.managed_files import File
from tasks.server import places
from tasks.settings import Server
from tasks.templates import render

UNIT = "ostree-release-auto@"


@deploy("Automatic promotion")
def promote_by_itself(settings: Server) -> None:
    """Install unit and timer; enable the timers that are asked for and no others."""
    managed_files.declared(
        name="Unit and timer",
        files=[
            File(f"{places.UNITS}/{UNIT}.service", service_text()),
            File(f"{places.UNITS}/{UNIT}.timer", timer_text()),
        ],
    )
    promoting = [each for each in settings.environments if not each.composed]
    units.running(
        name="Hourly looks",
        started=[f"{UNIT}{each.name}.timer" for each in promoting if each.automatic],
        stopped=[f"{UNIT}{each.name}.timer" for each in promoting if not each.automatic],
        loaded=[f"{UNIT}{each.name}.service" for each in promoting],
        only=f"{UNIT}*.timer",
    )


def service_text() -> str:
    """Render the unit that promotes."""
    return render(f"systemd/{UNIT}.service.j2", command=places.COMMAND, user=places.RELEASE_USER)


def timer_text() -> str:
    """Render the timer that starts it."""
    return render(f"systemd/{UNIT}.timer.j2")
