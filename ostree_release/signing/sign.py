"""Signing a candidate or release with the environment's key on this server."""

from __future__ import annotations

from ..config import Environment
from ..context import Context
from ..model import Commit
from ..repo import Repository
from . import gpg


def sign(context: Context, environment: Environment, repository: Repository, commit: Commit) -> list[str]:
    """Sign a commit unless the environment's key already has; returns what was done, in words."""
    keys = gpg.fingerprints(environment.public_key)
    if repository.signed_by(commit.checksum, environment.public_key, keys):
        return []
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
