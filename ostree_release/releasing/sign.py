"""Signing a candidate or release: not before it is let through, for a signature is what clients obey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..config import Ring
from ..context import Context
from ..environments import find, signature
from ..environments.settle import changing
from ..environments.snapshot import Snapshot, look
from ..judging import admission, holds
from ..model import Commit


def sign_only(context: Context, name: str, typed: str | None) -> dict[str, Any]:
    """Sign a candidate (default: the one that is due) and do no more; returns the result as it is printed."""
    environment, _ = context.config.promoting(name)
    with changing(context, environment, "sign") as settled:
        seen = look(context, environment, settled.entries)
        candidate = find.candidate(context.config, seen, typed)
        signed = sign(context, seen, candidate, due(seen, candidate))
    return {
        "outcome": "signed" if signed else "unchanged",
        "environment": environment.name,
        "release": candidate.as_json(),
        "next": {"subcommand": "publish", "arguments": ["--to", environment.name]},
    }


def sign(context: Context, seen: Snapshot, commit: Commit, rings: Sequence[Ring]) -> list[str]:
    """Sign a commit unless it is signed; returns what was done, in words. rings: that this run moves."""
    require_admitted(context, seen, commit, rings)
    return signature.sign(context, seen.environment, seen.repository, commit)


def due(seen: Snapshot, commit: Commit) -> tuple[Ring, ...]:
    """Return the ring that a signature of a commit lets it into: none for one that is published already."""
    return () if seen.is_published(commit) else seen.environment.rings[:1]


def require_admitted(context: Context, seen: Snapshot, commit: Commit, rings: Sequence[Ring]) -> None:
    """Refuse a signature, wherever it is made, of what is not let through to every ring of the run.

    What is held is not signed again either, also where nothing would move.
    """
    admission.require(context, seen, commit, rings)
    if signature.missing(context, seen.environment, seen.repository, commit):
        holds.refuse_held(seen.entries, seen.repository, commit)
