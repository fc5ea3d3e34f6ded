"""Publishing: a signed release is pulled as a client would, and only then a ring moves to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import anchors
from ..config import Ring
from ..context import Context
from ..environments import find
from ..environments.recovery import changing
from ..environments.snapshot import Snapshot, again, look
from ..environments.summary import update_summary
from ..errors import Refused
from ..judging import admission, check
from ..model import Commit, Move, following
from ..repository.writing import transaction
from ..signing import keyring
from . import sbom
from .smoke import check_served, smoke_pull


def publish_only(context: Context, name: str, typed: str | None, reason: str | None) -> dict[str, Any]:
    """Publish a signed candidate and move the first ring to it; returns the result as it is printed.

    Run again, it completes what an interruption or a failed smoke pull left after the candidate had ended.
    """
    environment, _ = context.config.promoting(name)
    with changing(context, environment, "publish") as settled:
        seen = look(context, environment, settled.entries)
        ring = environment.rings[0]
        tip = seen.tips.get(ring.ref)
        release = _due(context, seen, typed)
        if release not in (*seen.releases, *seen.valid_candidates):
            raise Refused(f"candidate {release.version}: overtaken by a newer release: stage it again")
        keys = frozenset({keyring.in_use(context.config, environment)})
        if not seen.repository.signed_by(release.checksum, environment.public_key, keys):
            raise Refused(
                f"candidate {release.version}: not signed with the key of {environment.name}: sign it first"
            )
        details = {"reason": reason} if reason else {}
        missing = [*settled.lines, *publish(context, seen, release, ring, details)]
    return {
        "outcome": "published" if tip != release else "repaired" if missing else "unchanged",
        "environment": environment.name,
        "release": release.as_json(),
        "next": after(seen, release, ring),
    }


def publish(
    context: Context, seen: Snapshot, release: Commit, ring: Ring, details: Mapping[str, str]
) -> list[str]:
    """Publish a release and move a ring to it; returns what was missing before, in words.

    + details: what else the journal is to say of the move (reason, through). Nobody follows
      `releases/VERSION`: that ref lets the smoke pull see the release before any client does. A failed smoke
      pull raises Refused and leaves every ring where it is
    """
    environment = seen.environment
    published = set_release(context, seen, release, ring)
    missing = [*published, *update_summary(context, environment, seen.repository)]
    tip = seen.tips.get(ring.ref)
    smoke_pull(context, environment, environment.release_ref(release.version), release, tip)
    moved = move_ring(context, seen, release, ring, details)
    update_summary(context, environment, seen.repository)
    if published or moved:
        missing += anchors.anchor(context, environment)
    check_served(context, environment, ring, release)
    return missing


def set_release(context: Context, seen: Snapshot, release: Commit, ring: Ring) -> list[str]:
    """Give a release its ref and end its candidate; returns what was missing before, in words."""
    to = {
        seen.environment.release_ref(release.version): release.checksum,
        seen.environment.candidate_ref(release.version): None,
    }
    moved = _move(context, seen, release, ring, "publish", to, {"version": release.version})
    return [f"ref {move.ref} was {'missing' if move.new else 'left over'}" for move in moved]


def move_ring(
    context: Context, seen: Snapshot, release: Commit, ring: Ring, details: Mapping[str, str]
) -> bool:
    """Move a ring to a release unless it is there; returns whether it was moved."""
    said = {**details, "version": release.version, "ring": ring.name}
    moved = _move(context, seen, release, ring, "promote", {ring.ref: release.checksum}, said)
    if moved:
        context.say(f"Moved {ring.ref} to {release.version}")
    return bool(moved)


def after(seen: Snapshot, release: Commit, ring: Ring) -> dict[str, Any]:
    """Return what to do next when a ring has a release: the ring after it, unless that has it too."""
    rings = seen.environment.rings
    for later in rings[rings.index(ring) + 1 :][:1]:
        tip = seen.tips.get(later.ref)
        if tip is None or tip.checksum != release.checksum:
            return following("promote", seen.environment.name, ring=later.name)
    return following("upgrade")


def _due(context: Context, seen: Snapshot, typed: str | None) -> Commit:
    """Return what is to be published: what was named, else what publishing goes on with."""
    possible = seen.publishable
    if typed is None and possible and len(seen.valid_candidates) < 2:
        return possible[0]
    named = find.candidate(context.config, seen, typed)
    if named not in possible:
        ring = seen.environment.rings[0].name
        raise Refused(f"{named.version}: {ring} has passed it, and no ring moves back: stage its build again")
    return named


def _move(
    context: Context,
    seen: Snapshot,
    release: Commit,
    ring: Ring,
    action: str,
    to: Mapping[str, str | None],
    details: Mapping[str, str],
) -> list[Move]:
    """Move what clients can resolve, in one transaction with intent and done; returns what had to move.

    Nothing moves that is held or that the gates do not let through to the ring, as both stand now.

    + to: for each ref the commit it goes to, or None to delete it
    """
    seen = again(context, seen)
    admission.require(context, seen, release, [ring])
    if action == "publish":
        sbom.write(context, seen, release)  # without it nothing is published
    needed = [Move(ref, seen.refs.get(ref), new) for ref, new in to.items()]
    needed = [move for move in needed if move.old != move.new]
    if not needed:
        return []
    seen.repository.commit(release.checksum)  # refuses one that is missing or partial: no ref may dangle
    if ring.ref in to:
        check.keep(context, seen, release, ring)
    with transaction(seen.repository) as changes:
        for move in needed:
            changes.move(move)
        with context.journal.move(context.actor, action, seen.environment.name, needed, **details):
            changes.commit()
    return needed
