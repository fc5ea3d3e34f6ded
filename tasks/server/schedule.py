"""Composing: the unit that does it, at night by a timer if asked, and the first time on set-up if asked."""

from __future__ import annotations

from pyinfra.api import deploy

from tasks.operations import managed_files, setup_compose, units
from tasks.operations.managed_files import File
from tasks.operations.messages import tell
from tasks.platforms import Platform
from tasks.server import places
from tasks.settings import Server
from tasks.templates import render

UNIT = "ostree-release-compose@"


@deploy("Composing")
def schedule_composes(settings: Server) -> None:
    """Install unit and timer; enable the timers that are asked for and no others."""
    managed_files.declared(
        name="Unit and timer",
        files=[
            File(f"{places.UNITS}/{UNIT}.service", service_text()),
            File(f"{places.UNITS}/{UNIT}.timer", timer_text(settings)),
        ],
    )
    nightly = settings.compose_environments if settings.compose_nightly else ()
    composed = [each.name for each in settings.environments if each.composed]
    units.running(
        name="Nightly composes",
        started=[places.compose_timer(name) for name in nightly],
        stopped=[places.compose_timer(name) for name in composed if name not in nightly],
        loaded=[f"{UNIT}{name}.service" for name in composed],
        only=f"{UNIT}*.timer",
    )


@deploy("Composing")
def compose_on_setup(settings: Server) -> None:
    """Compose what has no build yet, where that is asked for."""
    if not settings.compose_on_setup or not settings.compose_environments:
        return
    chosen = [settings.environment(name) for name in settings.compose_environments]
    setup_compose.composed(
        name="First builds",
        program=places.COMMAND,
        refs={each.repository: each.ref for each in chosen},
        names={each.ref: each.name for each in chosen},
    )


def tell_that_nothing_is_composed(platform: Platform) -> None:
    """Say why there are no treefiles and timers here."""
    tell(f"{platform.name} has no package of rpm-ostree and none is installed: this server does not compose")


def service_text() -> str:
    """Render the unit that composes."""
    return render(f"systemd/{UNIT}.service.j2", command=places.COMMAND)


def timer_text(settings: Server) -> str:
    """Render the timer that starts it at night."""
    return render(
        f"systemd/{UNIT}.timer.j2", time=settings.compose_time, delay_minutes=settings.compose_delay_minutes
    )
