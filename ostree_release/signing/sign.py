"""Signing a candidate or release: with the environment's key on this server, or not here at all."""

from __future__ import annotations

from ..config import Environment
from ..context import Context
from ..errors import Refused
from ..judging import admit, hold
from ..model import Commit
from ..repo import Repository
from . import gpg, keyring


def sign(context: Context, environment: Environment, repository: Repository, commit: Commit) -> list[str]:
    """Sign a commit unless it is signed; returns what was done, in words.

    Refuses where the key in use is not on this server and nobody has attached its signature yet.
    """
    needed = keyring.in_use(context, environment)
    there = repository.signed_with(commit.checksum, environment.public_key)
    if there >= ({needed} if environment.offline else gpg.fingerprints(environment.public_key)):
        return []
    require_admitted(context, environment, repository, commit)
    missing: list[str] = []
    if not environment.offline:
        with gpg.no_agent_left(environment.gnupghome):
            missing = [key for key in keyring.signers(context, environment) if key not in there]
            for key in missing:
                context.say(f"Signing {commit.version} with {key}")
                repository.sign(commit.checksum, key, environment.gnupghome)
                note(context, environment, commit, key)
    if needed not in there | set(missing):
        raise Refused(unsigned(environment, commit, needed))
    return [f"signature of {commit.version} was missing"] if missing else []


def require_admitted(
    context: Context, environment: Environment, repository: Repository, commit: Commit
) -> None:
    """Refuse to sign what is held, or a candidate that is not admitted to the first ring.

    A signature is what clients obey, wherever it is made.
    """
    if environment.composed:
        return
    hold.refuse_held(context, repository, commit)
    if repository.refs().get(environment.release_ref(commit.version)) != commit.checksum:
        admit.require(context, environment, repository, commit, environment.rings[:1])


def note(context: Context, environment: Environment, commit: Commit, key: str) -> None:
    """Write into the journal that a commit was signed with a key."""
    context.journal.append(
        {
            "event": "signed",
            "actor": context.actor,
            "action": "sign",
            "environment": environment.name,
            "version": commit.version,
            "checksum": commit.checksum,
            "key": key,
        }
    )


def unsigned(environment: Environment, commit: Commit, key: str) -> str:
    """Return the line that says that a commit waits for a signature from elsewhere, and how it gets one."""
    to = "" if environment.name == "prod" else f" --data to={environment.name}"
    backup = "" if environment.offline else f"; or bring it back to {environment.gnupghome} from the backup"
    return (
        f"not signed yet: {commit.version} ({commit.checksum[:12]}) of {environment.name} needs a signature "
        f"by {key}, which is not on this server: pyinfra INVENTORY promote.py -y{to} --data sign=laptop"
        f"{backup}"
    )
