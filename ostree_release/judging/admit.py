"""The one question before a signature and before every move of a ring: may this go there?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .. import clock
from ..config import Environment, Ring
from ..context import Context
from ..errors import Busy, NotAdmitted
from ..model import Commit
from ..repo import Repository
from . import check, hold, records
from .admission import Admission, admission


def require(
    context: Context,
    environment: Environment,
    repository: Repository,
    release: Commit,
    rings: Sequence[Ring],
) -> None:
    """Raise Refused where a release is held, and NotAdmitted where it may not go to one of the rings.

    A ring that has the release already is not asked about: nothing moves there.
    """
    refs = repository.refs()
    due = [ring for ring in rings if refs.get(ring.ref) != release.checksum]
    if not due:
        return
    hold.refuse_held(context, repository, release)
    found = {ring.name: decide(context, environment, repository, release, ring) for ring in due}
    if any(decision is None or decision.open for decision in found.values()):
        raise NotAdmitted(*_lines(environment, release, found))


def decide(
    context: Context, environment: Environment, repository: Repository, release: Commit, ring: Ring
) -> Admission | None:
    """Return the decision about a release and a ring; None without a complete, current run of the gates."""
    run = check.current(context, environment, repository, release, ring)
    if run is None:
        return None
    entries = context.journal.entries()
    return admission(
        run,
        records.approvals(entries, release.checksum, ring.name),
        environment.rules,
        clock.now(),
        records.composer(entries, release.build or release.checksum),
    )


def decided(
    context: Context, environment: Environment, repository: Repository, release: Commit, ring: Ring
) -> Admission:
    """Return the decision right after a run of the gates; raises Busy if what it stood on changed meanwhile.

    Nothing but another check is kept out while gates run: the ring may move, and gates may be deployed.
    """
    decision = decide(context, environment, repository, release, ring)
    if decision is None:
        raise Busy(
            f"{release.version}: {environment.name}/{ring.name} or its gates changed while the gates ran: "
            "run it again"
        )
    return decision


def unchecked(environment: Environment, release: Commit, ring: Ring) -> str:
    """Say that there is no current run of the gates, and what to type."""
    return (
        f"{release.version}: not checked for {environment.name}/{ring.name} as it stands now: "
        f"ostree-release check {release.version} --to {environment.name} --ring {ring.name}"
    )


def approve_command(
    environment: Environment, version: str, rings: Iterable[str], overrides: Iterable[str]
) -> str:
    """Return what to type on the laptop to approve what is open."""
    words = [f"pyinfra INVENTORY tasks/approve.py -y --data version={version}"]
    names = list(rings)
    if environment.name != "prod":
        words.append(f"--data to={environment.name}")
    if names != [environment.rings[0].name]:
        words.append(f"--data {'ring' if len(names) == 1 else 'through'}={names[-1]}")
    gates = ",".join(overrides)
    words += [f"--data override={gates}"] if gates else []
    return " ".join([*words, "--data reason=WHY"])


def promote_command(environment: Environment, rings: Sequence[Ring]) -> str:
    """Return what to type on the laptop to promote to some rings."""
    to = "" if environment.name == "prod" else f" --data to={environment.name}"
    ring = rings[-1].name
    if len(rings) > 1:
        return f"pyinfra INVENTORY promote.py -y{to} --data through={ring} --data reason=WHY"
    return f"pyinfra INVENTORY promote.py -y{to}" + (
        "" if rings[0] == environment.rings[0] else f" --data ring={ring}"
    )


def _lines(environment: Environment, release: Commit, found: dict[str, Admission | None]) -> list[str]:
    lines = []
    several = len(found) > 1
    failed: dict[str, None] = {}
    for name, decision in found.items():
        place = f"{environment.name}/{name}: " if several else ""
        if decision is None:
            lines.append(unchecked(environment, release, environment.ring(name)))
            continue
        lines += [f"{place}{each.line}" for each in decision.open]
        lines += [f"{place}{note}" for note in decision.notes]
        failed.update(dict.fromkeys(decision.failed))
    if None not in found.values():
        command = approve_command(environment, release.version, found, failed)
        words = "To let it through all the same" if failed else "To approve it"
        lines.append(f"{release.version} is not let through. {words}: {command}")
    return lines
