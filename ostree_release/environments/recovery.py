"""Completing what an interruption left: the beginning of every change of an environment.

Whoever changes an environment gets its lock here: no command builds on what is half done, and clients never
learn of two moves at once because nobody had told them of the first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .. import anchors, lock
from ..access import actor as actors
from ..config import Environment
from ..context import Context
from ..errors import Refused
from ..journal import interrupted, moved
from ..model import Entry
from ..repository import writing
from ..repository.reading import Repository
from . import plan, signature


@dataclass(frozen=True)
class Settled:
    """What was completed, and what the journal has now.

    + lines: in words
    + moved: refs that clients follow and that only now count as moved, or are shown to them
    """

    lines: tuple[str, ...]
    moved: frozenset[str]
    entries: Sequence[Entry]


@contextlib.contextmanager
def changing(context: Context, environment: Environment, what: str) -> Iterator[Settled]:
    """Hold the writer lock and the shared objects locks, and first complete what an interruption left.

    + what: the subcommand, for whoever finds the lock taken
    Refuses a user who does not own the repository.
    """
    user = actors.user()
    if user != environment.owner:
        raise Refused(f"{what} {environment.name}: run it as {environment.owner}, not as {user}")
    with contextlib.ExitStack() as locks:
        locks.enter_context(lock.writer(context.config.run, environment.name, f"{context.actor} ({what})"))
        locks.enter_context(context.reading(environment))
        yield settle(context, environment)


def settle(context: Context, environment: Environment) -> Settled:
    """End what the journal has open, and make signature, summary and anchor what they were to be.

    The environment's writer lock is held. Where a key is missing that is said and no more: it must not keep
    anybody from bringing another one.
    """
    repository = Repository(environment.repository)
    refs, entries = repository.refs(), context.journal.entries()
    followed = {ring.ref for ring in environment.rings} or {environment.ref}
    left = interrupted(entries, environment.name)
    moved = followed & _reached(left, refs)
    lines: list[str] = []
    if left:
        context.journal.settle(context.actor, left, refs)
        entries = context.journal.entries()
        lines.append(plan.OPEN)
    signed = True
    if environment.composed:
        signed = _sign_build(context, environment, repository, entries, lines)
    if signed:
        moved |= _show(context, environment, repository, followed, lines)
    if not environment.composed:
        lines += anchors.anchor(context, environment, entries)
    if lines:
        context.say(f"Completed in {environment.name} what an interruption had left: {'; '.join(lines)}")
        entries = context.journal.entries()
    return Settled(tuple(lines), frozenset(moved), entries)


def _reached(left: Sequence[Entry], refs: Mapping[str, str]) -> set[str]:
    """Return the refs that are where a change without its end was to move them."""
    moves = [move for entry in left for move in entry["moves"]]
    return {move["ref"] for move in moves if move["to"] and refs.get(move["ref"]) == move["to"]}


def _sign_build(
    context: Context,
    environment: Environment,
    repository: Repository,
    entries: Sequence[Entry],
    lines: list[str],
) -> bool:
    """Sign the build that a compose was killed with; returns whether clients may be told of it.

    Only what the journal knows as composed: a commit that somebody put there by hand is nobody's to sign.
    """
    tip = repository.refs().get(environment.ref)
    if tip is None or repository.signed_with(tip, environment.public_key):
        return True
    if not moved(entries, environment.name, environment.ref, tip):
        return True
    try:
        lines += signature.sign(context, environment, repository, repository.commit(tip))
    except Refused as refusal:
        context.say(f"Warning: the newest build of {environment.name} is not signed ({refusal})")
        return False
    return True


def _show(
    context: Context,
    environment: Environment,
    repository: Repository,
    followed: set[str],
    lines: list[str],
) -> set[str]:
    """Make the summary name the refs as they are; returns the followed ones that clients did not know.

    That they learn of them only now is written first, because it is from now on that a release is tried.
    """
    refs, summary = repository.refs(), repository.summary()
    if refs == (summary or {}):
        return set()
    told = refs if summary is None else summary  # without one, clients read the refs themselves
    hidden = {ref for ref in followed if ref in refs and told.get(ref) != refs[ref]}
    if hidden:
        moves = [{"ref": ref, "from": told.get(ref), "to": refs[ref]} for ref in sorted(hidden)]
        context.record("shown", "repair", environment.name, moves=moves)
    if writing.update_summary(repository):
        lines.append(plan.UNTOLD)
    return hidden
