"""systemd units that run, start at boot, and know their newest configuration.

pyinfra's `systemd.service` asks for each unit, and cannot tell whether one runs with older configuration.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from pyinfra.api import operation

from tasks.facts.together import known
from tasks.facts.units import Units, UnitState
from tasks.operations.remote_script import Commands, quoted, together


@operation()
def running(
    started: list[str] | None = None,
    stopped: list[str] | None = None,
    loaded: list[str] | None = None,
    configurations: dict[str, list[str]] | None = None,
    at_start: dict[str, list[str]] | None = None,
    only: str | None = None,
) -> Commands:
    """
    Start and enable units, stop and disable others, and let systemd and services read what has changed.

    All of it is decided by what systemd says, not by what this run has changed: the next run completes one
    that was cut off after a file was written.

    + started: units that run now and after the next boot
    + stopped: units that do neither
    + loaded: units that systemd must know in their newest form, and no more
    + configurations: a unit -> files it reads when it is reloaded; one that is not to be started is reloaded
      if it runs
    + at_start: a unit that is to be started -> files it reads only then; it is restarted when they change
    + only: pattern of units of which none but the started ones may run or be enabled

    **Example:**

    .. code:: python

        units.running(
            name="httpd runs",
            started=["httpd.service"],
            configurations={"httpd.service": ["/etc/httpd/conf.d/ostree-release.conf"]},
        )
    """
    started, stopped, loaded = started or [], stopped or [], loaded or []
    read = [unit for unit in configurations or {} if unit not in started]
    names = [*started, *stopped, *loaded, *read]
    units = known(
        Units,
        names=names,
        patterns=[only] if only else [],
        configurations=configurations or {},
        at_start=at_start or {},
    )
    if only:
        surplus = {
            name for name, unit in units.items() if fnmatchcase(name, only) and (unit.enabled or unit.active)
        }
        stopped = sorted({*stopped, *(surplus - set(started))})
    lines = list(_changes(started, stopped, loaded, read, units))
    yield from together(lines, f"{', '.join(names) or only}: as declared")


def _changes(
    started: list[str],
    stopped: list[str],
    loaded: list[str],
    read: list[str],
    units: dict[str, UnitState],
) -> Iterator[str]:
    absent = UnitState()
    states = {name: units.get(name, absent) for name in (*started, *stopped, *loaded)}
    if any(
        state.reload_systemd or (not state.loaded and name not in stopped) for name, state in states.items()
    ):
        yield "systemctl daemon-reload"
    for name in stopped:
        if states[name].active or states[name].enabled:
            yield f"systemctl disable --now {quoted(name)}"
    for name in started:
        if not states[name].enabled:
            yield f"systemctl enable {quoted(name)}"
        if not states[name].active:
            yield f"systemctl start {quoted(name)}"
        elif states[name].restart:
            yield f"systemctl restart {quoted(name)}"
        elif states[name].outdated:
            yield f"systemctl reload-or-restart {quoted(name)}"
    for name in read:
        if units.get(name, absent).active and units[name].outdated:
            yield f"systemctl reload {quoted(name)}"
