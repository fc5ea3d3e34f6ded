"""Signing a candidate or release: not before it is let through, for a signature is what clients obey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..config import Ring
from ..context import Context
from ..environments import find, signature
from ..environments.recovery import changing
from ..environments.snapshot import Snapshot, again, look
from ..errors import Refused
from ..judging import admission, holds
from ..model import Commit


def sign_only(context: Context, name: str, typed: str | None) -> dict[str, Any]:
    """Sign a candidate (default: the one that is due) and do no more; returns the result as it is printed."""
    environment, _ = context.config.promoting(name)
    with changing(context, environment, "sign") as settled:
        seen = look(context, environment, settled.entries)
        candidate = find.candidate(context.config, seen, typed)
        if candidate not in seen.candidates:
            raise Refused(f"{candidate.version}: is released, and no candidate of {name} any more")
        lacking = signature.missing(context, environment, seen.repository, candidate)
        signed = sign(context, seen, candidate, due(seen, candidate) if lacking else ())
    return {
        "outcome": "signed" if signed else "unchanged",
        "environment": environment.name,
        "release": candidate.as_json(),
        "next": {"subcommand": "publish", "arguments": ["--to", environment.name]},
    }


def sign(context: Context, seen: Snapshot, commit: Commit, rings: Sequence[Ring]) -> list[str]:
    """Sign a commit unless it is signed; returns what was done, in words.

    + rings: that this run moves
    None of them does before all are asked about, also where nothing is to be signed any more.
    """
    environment, repository = seen.environment, seen.repository
    moving = any(seen.refs.get(ring.ref) != commit.checksum for ring in rings)
    if not moving and not signature.missing(context, environment, repository, commit):
        return []
    require_admitted(context, seen, commit, rings)
    return signature.sign(context, environment, repository, commit)


def due(seen: Snapshot, commit: Commit) -> tuple[Ring, ...]:
    """Return the ring that a signature of a commit lets it into: none for one that is published already."""
    environment = seen.environment
    published = seen.refs.get(environment.release_ref(commit.version)) == commit.checksum
    return () if published else environment.rings[:1]


def require_admitted(context: Context, seen: Snapshot, commit: Commit, rings: Sequence[Ring]) -> None:
    """Refuse a signature, wherever it is made, of what is held or not let through to every ring of the run.

    By what the journal says now: nobody needs a lock to hold something.
    """
    now = again(context, seen)
    holds.refuse_held(now.entries, now.repository, commit)
    admission.require(context, now, commit, rings)
