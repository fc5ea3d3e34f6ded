"""Recording what clients of dev say about a boot of a build, as tasks/status.py collected it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from .. import health
from ..context import Context
from ..model import Entry
from ..repository.reading import Repository


def record(context: Context, given: bytes) -> dict[str, Any]:
    """Write into the journal what is new in a document of reports; returns the result as it is printed.

    Only reports about builds count; what runs anything else (a release, another system's image) is named in
    the result. A report that says what the client's newest one says already is not written again.
    """
    reports = health.parse(given)
    before = health.newest(context.journal.entries())
    recorded, elsewhere = [], {report.client for report in reports}
    for environment in context.config.environments:
        if not environment.composed:
            continue
        with context.reading(environment):
            repository = Repository(environment.repository)
            for report in reports:
                if not repository.has(report.checksum):
                    continue
                elsewhere.discard(report.client)
                build = repository.commit(report.checksum)
                entry = {**asdict(report), "failed": list(report.failed), "version": build.version}
                if not _same(before.get((environment.name, report.client)), entry):
                    context.record(
                        health.EVENT, "report-health", environment.name, content=build.content, **entry
                    )
                    recorded.append({"environment": environment.name, **entry})
    kept = ("client", "environment", "version", "checksum", "state", "system", "failed")
    return {
        "heard": len(reports),
        "recorded": [{key: entry[key] for key in kept} for entry in recorded],
        "elsewhere": sorted(elsewhere),
    }


def _same(old: Entry | None, new: Entry) -> bool:
    return old is not None and all(old[key] == new[key] for key in ("checksum", "boot", "state", "failed"))
