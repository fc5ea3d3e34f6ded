"""Health reports: what clients say about a boot of a build, kept in the journal for the gate `soak`.

A report is handed in by whoever runs `tasks/status.py`, who read it from the client over SSH: clients have no
access to the server.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import Refused
from .model import Entry

FORMAT = 1
HEALTHY, UNHEALTHY = "healthy", "unhealthy"
EVENT = "reported"
LIMIT = 8 << 20  # bytes of one document: 10,000 clients with all they may say
MOST_UNITS = 20
_NAME_LIMIT = 256  # characters; systemd's own limit for a unit
_SHAPES = {
    "checksum": re.compile(r"[0-9a-f]{64}"),
    "boot": re.compile(r"[0-9a-f-]{32,36}"),
    "state": re.compile(f"{HEALTHY}|{UNHEALTHY}"),
    "system": re.compile(r"[a-z-]{1,20}"),
}


@dataclass(frozen=True)
class Report:
    """What one client said.

    + checksum: of the commit it runs
    + boot: the kernel's id of this boot
    + system: systemd's word for its state
    + failed: the units that failed
    """

    client: str
    checksum: str
    boot: str
    state: str
    system: str
    failed: tuple[str, ...]


def newest(entries: Iterable[Entry]) -> dict[tuple[str, str], Entry]:
    """Return the newest report of every client, by environment and client."""
    return {
        (entry["environment"], entry["client"]): entry for entry in entries if entry.get("event") == EVENT
    }


def about(entries: Iterable[Entry], environment: str, content: str) -> dict[str, Entry]:
    """Return every client's newest report about any build of an environment that has a content checksum."""
    wanted = [entry for entry in entries if entry.get("content") == content]
    return {client: entry for (name, client), entry in newest(wanted).items() if name == environment}


def words(entry: Mapping[str, Any]) -> str:
    """Return why a client is not healthy: its failed units, else systemd's word."""
    return ", ".join(entry["failed"]) or f"system is {entry['system']}"


def parse(given: bytes) -> list[Report]:
    """Return the reports of a document, or refuse all of it for the first thing that is wrong."""
    if len(given) > LIMIT:
        raise Refused(f"reports: more than {LIMIT >> 20} MiB")
    try:
        document = json.loads(given)
    except (ValueError, RecursionError):
        raise Refused("reports: not JSON: they come from tasks/status.py") from None
    if not isinstance(document, dict) or set(document) != {"format", "reports"}:
        raise Refused("reports: an object with format and reports is wanted")
    if document["format"] != FORMAT or not isinstance(document["reports"], list):
        raise Refused(f"reports: format {FORMAT} with a list of reports is wanted")
    reports = [_report(number, given) for number, given in enumerate(document["reports"], start=1)]
    clients = Counter(report.client for report in reports)
    twice = [client for client, count in clients.items() if count > 1]
    if twice:
        raise Refused(f"reports: more than one of {', '.join(twice)}")
    return reports


def _report(number: int, given: object) -> Report:
    wanted = ("client", *_SHAPES, "failed")
    if not isinstance(given, dict) or set(given) != set(wanted):
        raise Refused(f"report {number}: an object with {', '.join(wanted)} is wanted")
    if not _is_name(given["client"]):
        raise Refused(f"report {number}: client: 1 to {_NAME_LIMIT} printable characters are wanted")
    for key, shape in _SHAPES.items():
        if not isinstance(given[key], str) or not shape.fullmatch(given[key]):
            raise Refused(f"report {number}: {key}: {shape.pattern} is wanted")
    failed = given["failed"]
    if not isinstance(failed, list) or len(failed) > MOST_UNITS or not all(map(_is_name, failed)):
        raise Refused(f"report {number}: failed: a list of at most {MOST_UNITS} units is wanted")
    if failed and given["state"] == HEALTHY:
        raise Refused(f"report {number}: healthy with failed units")
    return Report(**{**given, "failed": tuple(failed)})


def _is_name(value: object) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= _NAME_LIMIT
        and value.isprintable()
        and value == value.strip()
    )
