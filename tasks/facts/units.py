"""systemd units: what runs, what starts at boot, and what has changed under a running one."""

from __future__ import annotations

from dataclasses import dataclass

from pyinfra.api import FactBase, QuoteString, StringCommand


@dataclass(frozen=True)
class UnitState:
    """A unit; outdated: systemd has read an older unit file, or the service runs with older configuration."""

    loaded: bool = False
    active: bool = False
    enabled: bool = False
    reload_systemd: bool = False
    outdated: bool = False


class Units(FactBase[dict[str, UnitState]]):
    """State of units by name, and of those that match a pattern and are enabled or active.

    + names: units, with their suffix
    + patterns: shell patterns of further ones
    + configurations: unit -> files that it reads when it is reloaded; absent ones do not count
    """

    @staticmethod
    def default() -> dict[str, UnitState]:
        """No unit is known."""
        return {}

    def command(
        self,
        names: list[str],
        patterns: list[str] | None = None,
        configurations: dict[str, list[str]] | None = None,
    ) -> StringCommand:
        """One command; it succeeds where there is no systemd."""
        properties = "Id,LoadState,ActiveState,UnitFileState,NeedDaemonReload"
        bits: list[object] = []
        if names:
            bits += ["systemctl show --property", properties, "--", *map(QuoteString, names), "2>/dev/null;"]
        for unit, files in (configurations or {}).items():
            # To the microsecond: httpd is reloaded and its files are written within one second.
            since = (
                "systemctl show --timestamp=us+utc --value --property StateChangeTimestamp",
                QuoteString(unit),
            )
            bits += ['since=$(date +%s%6N -d "$(', *since, '2>/dev/null)" 2>/dev/null);']
            paths = [QuoteString(file) for file in files]
            # A file that is a link counts both ways: pointed elsewhere, and changed where it points to.
            bits += ["for changed in $({ stat -c %.6Z --", *paths, ";"]
            bits += ["stat -L -c %.6Z --", *paths, "; } 2>/dev/null | tr -d .); do"]
            bits += [
                '[ "$changed" -le "${since:-0}" ] ||',
                "echo",
                QuoteString(f"Outdated={unit}"),
                "; done;",
            ]
        for pattern in patterns or ():
            # systemctl's list of unit files leaves out instances of templates.
            enabled = ("find /etc/systemd/system -path", QuoteString(f"*.wants/{pattern}"), "-printf")
            bits += [*enabled, "'Enabled=%f\\n' 2>/dev/null;"]
            active = ("systemctl list-units --state=active --no-legend --plain", QuoteString(pattern))
            bits += [*active, "2>/dev/null | sed 's/^/Active=/; s/ .*//';"]
        return StringCommand(*bits, "true")

    def process(self, output: list[str]) -> dict[str, UnitState]:
        """Parse NAME=VALUE lines, one block for each unit."""
        units: dict[str, dict[str, bool]] = {}
        current: dict[str, bool] = {}
        for line in output:
            name, _, value = line.partition("=")
            if name == "Id":
                current = units.setdefault(value, {})
            elif name == "LoadState":
                current["loaded"] = value == "loaded"
            elif name == "ActiveState":
                current["active"] = value in ("active", "reloading", "activating")
            elif name == "UnitFileState":
                current["enabled"] = value == "enabled"
            elif name == "NeedDaemonReload":
                current["reload_systemd"] = value == "yes"
            elif name == "Outdated":
                units.setdefault(value, {})["outdated"] = True
            elif name in ("Enabled", "Active"):
                units.setdefault(value, {})[name.lower()] = True
        return {unit: UnitState(**state) for unit, state in units.items()}
