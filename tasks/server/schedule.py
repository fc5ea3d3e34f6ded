"""What the server does by itself: it composes at night, promotes by the hour, and proves by the day."""

from dataclasses import dataclass, field

from pyinfra.api import deploy

from tasks.operations import managed_files, setup_compose, units
from tasks.operations.managed_files import File
from tasks.pyinfra_gaps.messages import tell
from tasks.pyinfra_gaps.templates import render
from tasks.server.platforms import Platform
from tasks.settings import places
from tasks.settings.declared import Server

COMPOSE = "ostree-release-compose@"
AUTO = "ostree-release-auto@"
VERIFY = "ostree-release-verify"


@dataclass(frozen=True)
class Work:
    """A unit and its timer.

    + on: instances whose timer runs
    + off: those whose timer does not

    + values: what their templates name
    """

    name: str
    on: list[str] = field(default_factory=list)
    off: list[str] = field(default_factory=list)
    values: dict[str, object] = field(default_factory=dict)

    def text(self, kind: str) -> str:
        """Render the unit.

        + kind: service or timer
        """
        return render(f"systemd/{self.name}.{kind}.j2", **self.values)

    def units(self, kind: str, instances: list[str]) -> list[str]:
        """Name the units of some instances.

        + kind: service or timer
        """
        return [f"{self.name}{instance}.{kind}" for instance in instances]


@deploy("Schedule")
def schedule_work(settings: Server, composes: bool) -> None:
    """Install units and timers; enable the timers that are asked for and no others."""
    works = [automatic_promotion(settings), proof(), *([nightly_compose(settings)] if composes else [])]
    managed_files.declared(
        name="Units and timers",
        files=[
            File(f"{places.UNITS}/{work.name}.{kind}", work.text(kind))
            for work in works
            for kind in ("service", "timer")
        ],
    )
    units.running(
        name="Timers",
        started=[unit for work in works for unit in work.units("timer", work.on)],
        stopped=[unit for work in works for unit in work.units("timer", work.off)],
        loaded=[unit for work in works for unit in work.units("service", [*work.on, *work.off])],
        only="ostree-release-*@*.timer",
    )


def nightly_compose(settings: Server) -> Work:
    """Declare the unit that composes, and the timers that start it at night."""
    nightly = list(settings.compose_environments) if settings.compose_nightly else []
    composed = [each.name for each in settings.environments if each.composed]
    return Work(
        COMPOSE,
        on=nightly,
        off=[name for name in composed if name not in nightly],
        values={"time": settings.compose_time, "delay_minutes": settings.compose_delay_minutes},
    )


def automatic_promotion(settings: Server) -> Work:
    """Declare the unit that promotes, and the timers of those environments that ask for it."""
    promoting = [each for each in settings.environments if not each.composed]
    return Work(
        AUTO,
        on=[each.name for each in promoting if each.automatic],
        off=[each.name for each in promoting if not each.automatic],
    )


def proof() -> Work:
    """Declare the unit that proves what is published, which fails on a finding, and its daily timer."""
    return Work(VERIFY, on=[""])


@deploy("Composing")
def compose_on_setup(settings: Server) -> None:
    """Compose what has no build yet, where that is asked for."""
    if not settings.compose_on_setup or not settings.compose_environments:
        return
    chosen = [settings.environment(name) for name in settings.compose_environments]
    setup_compose.composed(
        name="First builds",
        program=places.COMMAND,
        refs={each.name: f"{each.repository}/refs/heads/{each.ref}" for each in chosen},
    )


def tell_that_nothing_is_composed(platform: Platform) -> None:
    """Say why there are no treefiles and timers here."""
    tell(f"{platform.name} has no package of rpm-ostree and none is installed: this server does not compose")
