"""Staging: a build becomes a candidate, in one transaction of the promoting repository."""

from __future__ import annotations

from typing import Any

from .. import disk
from ..clock import release_timestamp
from ..context import Context
from ..environments import find, plan
from ..environments.plan import Plan
from ..environments.recovery import changing
from ..environments.snapshot import Snapshot, look
from ..environments.summary import update_summary
from ..errors import Refused
from ..judging import holds
from ..model import Commit, Move
from ..repository.reading import OWN_METADATA
from ..repository.writing import transaction
from ..signing import gpg


def stage_only(context: Context, name: str, build: str | None) -> dict[str, Any]:
    """Stage a build for the first ring and do no more; returns the result as it is printed."""
    environment, _ = context.config.promoting(name)
    with changing(context, environment, "stage") as settled:
        seen = look(context, environment, settled.entries)
        due = plan.promote(seen, environment.rings[0], find.build(context.config, seen.source, build))
        release = stage(context, seen, due)
    return {
        "outcome": "unchanged" if due.release else "staged",
        "environment": environment.name,
        "release": release.as_json(),
        "next": {"subcommand": "check", "arguments": ["--to", environment.name]},
    }


def stage(context: Context, seen: Snapshot, due: Plan) -> Commit:
    """Return the release or candidate that the plan found, else stage one.

    The build is copied by checksum, each object that is not here yet verified, and its signature must be one
    of the source environment's own key. The candidate has all of its metadata, bound to all refs it may be
    offered under.
    """
    if due.release:
        return due.release
    environment, source, repository = seen.environment, seen.source, seen.repository
    holds.refuse_held(seen.entries, seen.origin, seen.origin.commit(due.build))
    disk.require(f"promotion to {environment.name}", context.config.minimum_free_bytes, repository.path)
    newest = seen.newest
    timestamp = release_timestamp(newest)
    keys = gpg.fingerprints(source.public_key)
    context.say(f"Staging {due.build_version} from {source.name} as {due.version} (serial {due.serial})")
    if not seen.origin.signed_by(due.build, source.public_key, keys):
        raise Refused(f"build {due.build_version}: not signed with the key of {source.name}")
    with transaction(repository) as changes:
        changes.copy_build(seen.origin, due.build, newest.checksum if newest else None)
        checksum = changes.write_release(
            build=due.build,
            parent=newest.checksum if newest else None,
            timestamp=timestamp,
            refs=environment.bindings(due.version),
            fields={
                "version": due.version,
                OWN_METADATA + "serial": str(due.serial),
                OWN_METADATA + "build": due.build,
                OWN_METADATA + "journal": context.journal.head(),
            },
        )
        ref = environment.candidate_ref(due.version)
        moves = [*_replaced(seen, due), Move(ref, seen.refs.get(ref), checksum)]
        for move in moves:
            changes.move(move)
        with context.journal.move(context.actor, "stage", environment.name, moves, version=due.version):
            changes.commit()
    update_summary(context, environment, repository)
    return repository.commit(checksum)


def _replaced(seen: Snapshot, due: Plan) -> list[Move]:
    """Return the deletions of the same build's other candidates, and of those that a release has overtaken.

    An overtaken one can never be signed or published, nor is an approval of it of use any more.
    """
    return [
        Move(seen.environment.candidate_ref(candidate.version), candidate.checksum, None)
        for candidate in seen.candidates
        if candidate.version != due.version
        and (candidate.build == due.build or candidate not in seen.valid_candidates)
    ]
