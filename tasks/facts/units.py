"""systemd units: what runs, what starts at boot, and what has changed under a running one."""

from dataclasses import dataclass
from shlex import join, quote

from pyinfra.api import StringCommand

from tasks.facts.command_output import Reading, Said, asked, unexpected

_PROPERTIES = ("Id", "LoadState", "ActiveState", "UnitFileState", "NeedDaemonReload")


@dataclass(frozen=True)
class UnitState:
    """A unit.

    + outdated: systemd has read an older unit file, or the service runs with older configuration
    + restart: it was started before a file changed that it reads only then
    """

    loaded: bool = False
    active: bool = False
    enabled: bool = False
    reload_systemd: bool = False
    outdated: bool = False
    restart: bool = False


class Units(Reading[dict[str, UnitState]]):
    """State of units by name, and of those that match a pattern and are enabled or active.

    + names: units, with their suffix
    + patterns: shell patterns of further ones
    + configurations: unit -> files that it reads when it is reloaded; absent ones do not count
    + at_start: unit -> files that it reads only when it is started

    **Example:**

    .. code:: python

        host.get_fact(Units, names=["httpd.service"], patterns=["ostree-release-compose@*.timer"])
    """

    subject = "systemctl"

    def command(
        self,
        names: list[str],
        patterns: list[str] | None = None,
        configurations: dict[str, list[str]] | None = None,
        at_start: dict[str, list[str]] | None = None,
    ) -> StringCommand:
        """One command; it succeeds where there is no systemd."""
        script = ["command -v systemctl >/dev/null || exit 0;"]
        if names:
            script.append(f"echo Asked={len(names)}; systemctl show --property {','.join(_PROPERTIES)}")
            script.append(f"-- {join(names)} || exit; echo;")
        for unit, files in (configurations or {}).items():
            script += _changed_since("StateChangeTimestamp", unit, files, "Outdated")
        for unit, files in (at_start or {}).items():
            script += _changed_since("ActiveEnterTimestamp", unit, files, "Restart")
        for pattern in patterns or ():
            # systemctl's list of unit files leaves out instances of templates.
            links = quote(f"*.wants/{pattern}")
            script.append(f"find /etc/systemd/system -path {links} -printf 'Enabled=%f\\n' 2>/dev/null;")
            active = f"systemctl list-units --state=active --no-legend --plain {quote(pattern)}"
            script.append(f"active=$( {active} ) || exit;")
            script.append("printf '%s\\n' \"$active\" | sed '/./!d; s/^/Active=/; s/ .*//';")
        return asked(" ".join([*script, "true"]))

    def read(self, said: Said) -> dict[str, UnitState]:
        """Parse NAME=VALUE lines, one block for each unit."""
        units: dict[str, dict[str, bool]] = {}
        blocks: list[dict[str, str]] = []
        wanted = 0
        for line in filter(str.strip, said.lines):
            name, equals, value = line.partition("=")
            if name == "Asked":
                wanted = int(value)
            elif name == "Id":
                blocks.append({name: value})
            elif name in _PROPERTIES and equals and blocks:
                blocks[-1][name] = value
            elif name in ("Outdated", "Restart", "Enabled", "Active") and value:
                units.setdefault(value, {})[name.lower()] = True
            else:
                raise unexpected(line)
        if len(blocks) != wanted or any(len(block) < len(_PROPERTIES) for block in blocks):
            raise ValueError("did not say everything about every unit it was asked for")
        for block in blocks:
            units.setdefault(block["Id"], {}).update(
                loaded=block["LoadState"] == "loaded",
                active=block["ActiveState"] in ("active", "reloading", "activating"),
                enabled=block["UnitFileState"] == "enabled",
                reload_systemd=block["NeedDaemonReload"] == "yes",
            )
        return {unit: UnitState(**state) for unit, state in units.items()}


def _changed_since(timestamp: str, unit: str, files: list[str], word: str) -> list[str]:
    """Shell that says the word of a unit once for each of its files that has changed since then."""
    # To the microsecond: httpd is reloaded and its files are written within one second.
    show = f"systemctl show --timestamp=us+utc --value --property {timestamp}"
    return [
        f'since=$(date +%s%6N -d "$( {show} {quote(unit)} 2>/dev/null)" 2>/dev/null);',
        # A file that is a link counts both ways: pointed elsewhere, and changed where it points to.
        f"for changed in $({{ stat -c %.6Z -- {join(files)} ;",
        f"stat -L -c %.6Z -- {join(files)} ; }} 2>/dev/null | tr -d .); do",
        f'[ "$changed" -le "${{since:-0}}" ] || echo {quote(f"{word}={unit}")} ; done;',
    ]
