"""Signing a candidate or release with the environment's key on this server."""

from __future__ import annotations

from ..config import Environment
from ..context import Context
from ..judging import admit, hold
from ..model import Commit
from ..repo import Repository
from . import gpg


def sign(context: Context, environment: Environment, repository: Repository, commit: Commit) -> list[str]:
    """Sign a commit unless the environment's key already has; returns what was done, in words.

    A signature is what clients obey: a candidate must be admitted to the first ring, and not be held.
    """
    keys = gpg.fingerprints(environment.public_key)
    if repository.signed_by(commit.checksum, environment.public_key, keys):
        return []
    if not environment.composed:
        hold.refuse_held(context, repository, commit)
        if repository.refs().get(environment.release_ref(commit.version)) != commit.checksum:
            admit.require(context, environment, repository, commit, environment.rings[:1])
    with gpg.no_agent_left(environment.gnupghome):
        fingerprint = gpg.secret_fingerprint(environment.gnupghome, environment.public_key)
        context.say(f"Signing {commit.version} with {fingerprint}")
        repository.sign(commit.checksum, fingerprint, environment.gnupghome)
    context.journal.append(
        {
            "event": "signed",
            "actor": context.actor,
            "action": "sign",
            "environment": environment.name,
            "version": commit.version,
            "checksum": commit.checksum,
            "key": fingerprint,
        }
    )
    return [f"signature of {commit.version} was missing"]
