"""Completing what an interruption left: the beginning of every change of an environment.

Whoever changes an environment gets its lock by `Context.changing`, which calls this: no command builds on
what is half done, and clients never learn of two moves at once because nobody had told them of the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .config import Environment
from .context import Context
from .errors import Refused
from .journal import Entry, moved_at
from .proof.anchor import anchor
from .repo import Repository
from .signing.sign import sign


@dataclass(frozen=True)
class Repair:
    """What was completed.

    lines: in words; moved: refs that clients follow and that only now count as moved, or are shown to them.
    """

    lines: tuple[str, ...] = ()
    moved: frozenset[str] = frozenset()


def repair(context: Context, environment: Environment) -> Repair:
    """End what the journal has open, and make signature, summary and anchor what they were to be.

    The environment's writer lock is held. Where a key is missing that is said and no more: it must not keep
    anybody from bringing another one.
    """
    repository = Repository(environment.repository)
    refs = repository.refs()
    followed = {ring.ref for ring in environment.rings} or {environment.ref}
    moved = followed & _reached(context.journal.interrupted(environment.name), refs)
    lines: list[str] = []
    if context.journal.settle(context.actor, environment.name, refs):
        lines.append("journal had a change without its end")
    signed = True
    if environment.composed:
        signed = _sign_build(context, environment, repository, lines)
    if signed:
        moved |= _show(context, environment, repository, followed, lines)
    if not environment.composed:
        lines += anchor(context, environment)
    if lines:
        context.say(f"Completed in {environment.name} what an interruption had left: {'; '.join(lines)}")
    return Repair(tuple(lines), frozenset(moved))


def _reached(interrupted: list[Entry], refs: Mapping[str, str]) -> set[str]:
    """Return the refs that are where a change without its end was to move them."""
    moves = [move for entry in interrupted for move in entry["moves"]]
    return {move["ref"] for move in moves if move["to"] and refs.get(move["ref"]) == move["to"]}


def _sign_build(context: Context, environment: Environment, repository: Repository, lines: list[str]) -> bool:
    """Sign the build that a compose was killed with; returns whether clients may be told of it.

    Only what the journal knows as composed: a commit that somebody put there by hand is nobody's to sign.
    """
    tip = repository.refs().get(environment.ref)
    if tip is None or repository.signed_with(tip, environment.public_key):
        return True
    if not moved_at(context.journal.entries(), environment.name, environment.ref, tip):
        return True
    try:
        lines += sign(context, environment, repository, repository.commit(tip))
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
        entry = {"event": "shown", "actor": context.actor, "action": "repair"}
        context.journal.append({**entry, "environment": environment.name, "moves": moves})
    if repository.update_summary():
        lines.append("summary did not name the refs as they are")
    return hidden
