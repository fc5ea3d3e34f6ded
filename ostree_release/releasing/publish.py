"""Publishing: a signed release is pulled as a client would, and only then a ring moves to it."""

from __future__ import annotations

from collections.abc import Mapping

from ..config import Environment, Ring
from ..context import Context
from ..judging import admit, check
from ..model import Commit, Move
from ..proof.anchor import anchor
from ..repo import Repository
from . import sbom
from .smoke import check_served, smoke_pull


def publish(
    context: Context,
    environment: Environment,
    repository: Repository,
    release: Commit,
    ring: Ring,
    details: Mapping[str, str],
) -> list[str]:
    """Publish a release and move a ring to it; returns what was missing before, in words.

    details: what else the journal is to say of the move (reason, through).
    Nobody follows `releases/VERSION`: that ref lets the smoke pull see the release before any client does.
    A failed smoke pull raises Refused and leaves every ring where it is. Nor does anything move that is held,
    or that the gates do not let through.
    """
    admit.require(context, environment, repository, release, [ring])
    sbom.write(context, environment, repository, release)  # first: without it nothing is published
    missing = set_release(context, environment, repository, release)
    missing += update_summary(context, environment, repository)
    smoke_pull(context, environment, environment.release_ref(release.version), release)
    move_ring(context, environment, repository, release, ring, details)
    update_summary(context, environment, repository)
    missing += anchor(context, environment)
    check_served(context, environment, ring, release)
    return missing


def set_release(
    context: Context, environment: Environment, repository: Repository, release: Commit
) -> list[str]:
    """Give a release its ref and end its candidate, in one transaction."""
    refs = repository.refs()
    release_ref = environment.release_ref(release.version)
    candidate_ref = environment.candidate_ref(release.version)
    moves = [
        Move(release_ref, refs.get(release_ref), release.checksum),
        Move(candidate_ref, refs.get(candidate_ref), None),
    ]
    moved = _move(context, environment, repository, "publish", moves, {"version": release.version})
    return [f"ref {move.ref} was {'missing' if move.new else 'left over'}" for move in moved]


def move_ring(
    context: Context,
    environment: Environment,
    repository: Repository,
    release: Commit,
    ring: Ring,
    details: Mapping[str, str],
) -> None:
    """Move a ring to a release, unless it is there; refuses what may not go there as it stands now."""
    admit.require(context, environment, repository, release, [ring])
    move = Move(ring.ref, repository.refs().get(ring.ref), release.checksum)
    if move.old != move.new:
        check.keep(context, environment, repository, release, ring)
    entry = {**details, "version": release.version, "ring": ring.name}
    if _move(context, environment, repository, "promote", [move], entry):
        context.say(f"Moved {ring.ref} to {release.version}")


def update_summary(context: Context, environment: Environment, repository: Repository) -> list[str]:
    """Make the summary, which is what clients look refs up in, name the refs as they are."""
    if not repository.update_summary():
        return []
    context.say(f"Updated the summary of {environment.name}")
    return ["summary did not name the refs as they are"]


def _move(
    context: Context,
    environment: Environment,
    repository: Repository,
    action: str,
    moves: list[Move],
    details: dict[str, str],
) -> list[Move]:
    """Make the moves that change something in one transaction, with intent and done; returns them."""
    needed = [move for move in moves if move.old != move.new]
    if not needed:
        return []
    for move in needed:
        if move.new:
            repository.commit(move.new)  # refuses a commit that is missing or partial: no ref may dangle
    with repository.transaction() as transaction:
        for move in needed:
            transaction.move(move)
        with context.journal.move(context.actor, action, environment.name, needed, **details):
            transaction.commit()
    return needed
