"""The signature of a build, candidate or release: by the keys of its environment that are on this server.

Whether a candidate may be signed at all is asked before, in releasing/.
"""

from __future__ import annotations

from ..config import Environment
from ..context import Context
from ..errors import Refused
from ..model import Commit, following
from ..repository import writing
from ..repository.reading import Repository
from ..signing import gpg, keyring
from ..text import command, short


def missing(context: Context, environment: Environment, repository: Repository, commit: Commit) -> bool:
    """Say whether a commit lacks the signature of a key that has to sign it."""
    needed = _needed(environment, keyring.in_use(context.config, environment))
    return not repository.signed_with(commit.checksum, environment.public_key) >= needed


def sign(context: Context, environment: Environment, repository: Repository, commit: Commit) -> list[str]:
    """Sign a commit with every key here that has to and has not; returns what was done, in words.

    Refuses where the key in use is not on this server and nobody has attached its signature yet.
    """
    in_use = keyring.in_use(context.config, environment)
    there = repository.signed_with(commit.checksum, environment.public_key)
    if there >= _needed(environment, in_use):
        return []
    lacking: list[str] = []
    if not environment.offline:
        with gpg.no_agent_left(environment.gnupghome):
            lacking = [key for key in keyring.signers(context.config, environment) if key not in there]
            for key in lacking:
                context.say(f"Signing {commit.version} with {key}")
                writing.sign(repository, commit.checksum, key, environment.gnupghome)
                note(context, environment, commit, key)
    if in_use not in there | set(lacking):
        raise Refused(unsigned(environment, commit, in_use))
    return [f"signature of {commit.version} was missing"] if lacking else []


def note(context: Context, environment: Environment, commit: Commit, key: str) -> None:
    """Write into the journal that a commit was signed with a key."""
    what = {"version": commit.version, "checksum": commit.checksum, "key": key}
    context.record("signed", "sign", environment.name, **what)


def unsigned(environment: Environment, commit: Commit, key: str) -> str:
    """Return the line that says that a commit waits for a signature from elsewhere, and how it gets one."""
    laptop = command(following("promote", environment.name, sign="laptop"))
    backup = "" if environment.offline else f"; or bring it back to {environment.gnupghome} from the backup"
    return (
        f"not signed yet: {commit.version} ({short(commit.checksum)}) of {environment.name} needs a "
        f"signature by {key}, which is not on this server: {laptop}{backup}"
    )


def _needed(environment: Environment, in_use: str) -> frozenset[str]:
    """Return the keys that have to sign; one that is elsewhere signs alone, on the laptop."""
    if environment.offline:
        return frozenset({in_use})
    return gpg.fingerprints(environment.public_key)
