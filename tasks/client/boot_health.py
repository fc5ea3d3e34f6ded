"""How a client's boot went: the unit that says it, and reading what it said. Pure functions."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Literal, TypedDict

from ostree_release import health
from ostree_release.errors import Refused
from tasks.pyinfra_gaps.templates import render
from tasks.settings.places import UNITS

LIMIT = 900  # seconds that a boot may take
PROGRAM = "/etc/ostree-health/report.sh"
REPORT = "/var/lib/ostree-health/report"
TIMER = "ostree-health.timer"
# The unit that rebase.py may install: path -> content, in the order in which the fact reads them.
FILES = {
    PROGRAM: render(
        "libexec/health.sh.j2",
        report=REPORT,
        limit=LIMIT,
        format=health.FORMAT,
        most_units=health.MOST_UNITS,
    ),
    f"{UNITS}/ostree-health.service": render("systemd/ostree-health.service.j2", program=PROGRAM),
    f"{UNITS}/{TIMER}": render("systemd/ostree-health.timer.j2"),
}
_NO_FILES = hashlib.sha256(b"").hexdigest()


class Health(TypedDict):
    """What a client said about its present boot.

    + system: systemd's word for it
    + failed: units
    """

    boot: str
    state: str
    system: str
    failed: list[str]


def parse_unit(lines: Sequence[str]) -> str:
    """Read how the unit stands on a client.

    + lines: the digest of its files, then properties of its timer

    Returns "" without any of the files, else the digest, with "stopped" after it where the timer is not on.
    """
    digest = lines[0] if lines else ""
    if digest in ("", _NO_FILES):
        return ""
    runs = {"ActiveState=active", "UnitFileState=enabled"} <= set(lines)
    return digest if runs else f"{digest} stopped"


def unit_change(found: str, wanted: bool) -> Literal["install", "remove"] | None:
    """Decide what has to happen with the unit.

    + found: how it stands, as parse_unit returns it
    + wanted: whether the client is to have it
    """
    if not wanted:
        return "remove" if found else None
    digest = hashlib.sha256("".join(FILES.values()).encode()).hexdigest()
    return None if found == digest else "install"


def parse_report(lines: Sequence[str], boot_id: str) -> Health | None:
    """Read a client's report.

    + lines: the file that the unit writes
    + boot_id: of the present boot, which the report must be about

    Returns None without a report of this boot, or with one that the server would not take.
    """
    pairs = [line.partition(" ")[::2] for line in lines]
    values = {key: value for key, value in pairs if key != "failed"}
    if values.pop("format", None) != str(health.FORMAT) or values.get("boot") != boot_id:
        return None
    found: dict[str, Any] = {**values, "failed": [value for key, value in pairs if key == "failed"]}
    try:
        health.parse(document([{"client": "-", "checksum": "0" * 64, **found}]))
    except Refused:
        return None
    return Health(boot=found["boot"], state=found["state"], system=found["system"], failed=found["failed"])


def document(reports: Sequence[dict[str, Any]]) -> bytes:
    """Return reports as `ostree-release report-health` reads them."""
    return json.dumps({"format": health.FORMAT, "reports": list(reports)}).encode()


def in_words(said: Health | None) -> str:
    """Say in one cell of a table how a client's boot went."""
    if said is None:
        return "-"
    return said["state"] if said["state"] == health.HEALTHY else f"{said['state']}: {health.words(said)}"
