"""Deciding what deploy.py does about an environment's signing key: a pure function of settings and server.

Which keys clients trust, and which one signs, is decided by `ostree-release keys` and kept by the server. The
settings may be older than that: on another laptop, in an old checkout. So a key comes with them only while
nothing is trusted yet, or when it is the one in use; and none is made where clients trust one already.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from ostree_release.text import command
from tasks.facts.signing_keys import KeyState
from tasks.signing.keyring import PrimaryKey


@dataclass(frozen=True)
class SigningKey:
    """A key of an environment.

    `home` is its GNUPGHOME, a directory of `owner` that exists by now; `public` the file for clients,
    `trusted` what it is a copy of (path without ending).
    `source` is a file on the laptop: an exported secret key without passphrase (None: the server makes one),
    or, `offline`, the public part of a key that the server never has.
    """

    environment: str
    home: str
    owner: str
    public: str
    trusted: str
    label: str
    source: str | None = None
    offline: bool = False


class Step(Enum):
    """What is done about a key.

    MAKE: the server makes it; BRING: that of the settings, where none is trusted; GIVE_BACK: that of the
    settings, which is in use, beside whatever is there; TRUST: the one that is there; TRUST_GIVEN: the public
    one of the settings; PUBLISH: what is trusted, as it is kept.
    """

    NOTHING = auto()
    MAKE = auto()
    BRING = auto()
    GIVE_BACK = auto()
    TRUST = auto()
    TRUST_GIVEN = auto()
    PUBLISH = auto()


class KeyRefused(Exception):  # noqa: N818 - as the server's program calls it
    """The settings would undo what was decided about keys; the text is the line to show."""


def decide(key: SigningKey, given: Sequence[PrimaryKey], found: KeyState) -> Step:
    """Return what is to be done about a key.

    + key: the environment's key, as the settings have it
    + given: the keys in the file `key.source`; none without one
    + found: the keys that the server has, and those that clients trust

    Raises KeyRefused: nothing may be done, and why.
    """
    if key.offline:
        if found.secret:
            raise KeyRefused(_secret_here(key, found))
        return _kept(found) if found.trusted else Step.TRUST_GIVEN
    if key.source is not None:
        return _brought(key, key.source, given, found)
    if found.trusted:
        if not found.secret:
            raise KeyRefused(_lost(key, found))
        return _kept(found)
    return Step.TRUST if found.secret else Step.MAKE


def in_use(found: KeyState) -> str | None:
    """Return the fingerprint of the key that signs; None where there is none, or the server cannot say."""
    return found.in_use or (found.trusted[0] if len(found.trusted) == 1 else None)


def introducing(environment: str, key: str) -> str:
    """Return what to type to introduce a key in an environment.

    + key: a file, or "new"
    """
    return command({"task": "keys", "data": {"to": environment, "introduce": key}})


def _kept(found: KeyState) -> Step:
    return Step.NOTHING if found.published else Step.PUBLISH


def _brought(key: SigningKey, source: str, given: Sequence[PrimaryKey], found: KeyState) -> Step:
    if len(given) != 1 or not given[0].secret or given[0].locked:
        raise KeyRefused(f"{source}: must be an exported secret key without passphrase; nothing was changed")
    fingerprint = given[0].fingerprint
    if not found.trusted:
        return Step.BRING
    if fingerprint in found.trusted and fingerprint in found.secret:
        return _kept(found)
    if fingerprint == in_use(found):
        return Step.GIVE_BACK
    raise KeyRefused(_not_in_use(key, source, fingerprint, found))


def _not_in_use(key: SigningKey, source: str, fingerprint: str, found: KeyState) -> str:
    used = in_use(found)
    now = f"{used} is in use" if used else f"{', '.join(found.trusted)} are trusted"
    beginning = f"{key.environment}: {source} holds {fingerprint}, which"
    mend = "name the file of the key in use as signing_key, or leave signing_key out"
    introduce = introducing(key.environment, source)
    if fingerprint in found.trusted:
        return f"{beginning} clients trust, but {now}: bring it with {introduce}, and use it; else {mend}"
    if fingerprint in found.withdrawn:
        another = introducing(key.environment, "new")
        return f"{beginning} was withdrawn, and {now}: {mend}; a new key comes with {another}"
    return f"{beginning} clients do not trust, and {now}: if it is a new key, {introduce}; else {mend}"


def _lost(key: SigningKey, found: KeyState) -> str:
    used = in_use(found) or ", ".join(found.trusted)
    return (
        f"{key.environment}: clients trust {used}, but on the server there is no key to sign with: bring "
        f"{key.home} back from the backup, or set 'signing': 'offline' where it is elsewhere, or let a new "
        f"key take over: {introducing(key.environment, 'new')} (docs/signing.md, When a key is lost)"
    )


def _secret_here(key: SigningKey, found: KeyState) -> str:
    return (
        f"{key.environment} is signed offline, but {key.home} has the secret part of {found.secret[0]}: let "
        f"the offline key take over first (tasks/keys.py --data to={key.environment}: introduce, use, "
        f"withdraw), or, if clients trust another key already, move {key.home} away"
    )
