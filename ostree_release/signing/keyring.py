"""Which of an environment's keys is in use, and which of them can sign here.

What clients trust is the published file of public keys. More than one key is in it only while one takes over
from another; then a file that root wrote (`keys use`) names the one that every release must be signed with.
"""

from __future__ import annotations

from pathlib import Path

from ..config import Config, Environment
from ..errors import Refused
from . import gpg


def record(config: Config, environment: Environment) -> Path:
    """Return the file that names the environment's key in use."""
    return config.state / "trusted" / f"{environment.name}.in-use"


def trusted(config: Config, environment: Environment) -> Path:
    """Return the file that the published one is a copy of."""
    return config.state / "trusted" / f"{environment.name}.gpg"


def withdrawn(config: Config, environment: Environment) -> Path:
    """Return the file of the keys that were withdrawn: what they signed stays in the history."""
    return config.state / "trusted" / f"{environment.name}.withdrawn.gpg"


def in_use(config: Config, environment: Environment) -> str:
    """Return the fingerprint of the key that releases must be signed with; refuses when that is not clear."""
    published = gpg.fingerprints(environment.public_key)
    path = record(config, environment)
    try:
        named = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        if len(published) > 1:
            raise Refused(
                f"{environment.name}: {len(published)} keys are published and none is said to be in use: "
                f"ostree-release keys use FINGERPRINT --to {environment.name}"
            ) from None
        return next(iter(published))
    if named not in published:
        raise Refused(
            f"{environment.name}: {path} says that {named} is in use, which is not in "
            f"{environment.public_key}: deploy the server again"
        )
    return named


def signers(config: Config, environment: Environment) -> list[str]:
    """Return the keys that sign here, the one in use first: every trusted one whose secret part is here.

    While two keys are trusted, releases carry both signatures, so that clients that were not given the new
    one yet go on. Empty when the key in use is not here.
    """
    if environment.offline:
        return []
    first = in_use(config, environment)
    published = gpg.fingerprints(environment.public_key)
    here = [key.fingerprint for key in gpg.secret_keys(environment.gnupghome) if key.usable]
    if first not in here:
        return []
    return [first, *(each for each in here if each in published and each != first)]
