"""One signing key for each environment, outside everything that is served."""

from pyinfra.api import deploy

from tasks.facts.signing_keys import KeyState, SigningKeys
from tasks.facts.together import Question, known
from tasks.operations import signing_keys
from tasks.operations.key_decision import KeyRefused, SigningKey, decide
from tasks.settings import places
from tasks.settings.declared import Server


def check_signing_keys(name: str, settings: Server) -> None:
    """Refuse settings that would undo what was decided about keys since; asked before anything is changed.

    + name: the server's in the inventory
    + settings: its settings

    Raises SystemExit: with one line for each environment.
    """
    keys = _keys(settings)
    states = known(SigningKeys, homes=signing_keys.homes(keys))
    refused = []
    for key in keys:
        state = states.get(key.environment, KeyState())
        if state.unread:  # asked again when it can be read, before anything is done about keys
            continue
        try:
            decide(key, signing_keys.given(key), state)
        except KeyRefused as refusal:
            refused.append(f"{name}: {refusal}")
    if refused:
        raise SystemExit("\n".join(refused))


def question(settings: Server) -> Question:
    """Return what `check_signing_keys` asks."""
    return Question(SigningKeys, {"homes": signing_keys.homes(_keys(settings))})


@deploy("Signing keys")
def make_signing_keys(settings: Server) -> None:
    """Make the keys, or bring those named in the settings, and publish their public parts."""
    signing_keys.present(name="Keys", keys=_keys(settings))


@deploy("Signing keys")
def tell_about_signing_keys(settings: Server, login: str) -> None:
    """End with the fingerprints and how to back the keys up.

    + login: what ssh knows the server by
    """
    signing_keys.told(
        name="Fingerprints and backup", keys=_keys(settings), backup=backup_command(settings, login)
    )


def backup_command(settings: Server, login: str) -> str:
    """What to type on the laptop to have a copy of everything that cannot be made again."""
    kept = [places.KEYS, places.TRUSTED, places.ACCOUNTS]
    if settings.private_authority:
        kept.append(places.TLS)
    paths = " ".join(path.lstrip("/") for path in kept)
    return f"ssh {login} sudo tar -C / -c {paths} | gpg -c -o ostree-keys.tar.gpg"


def _keys(settings: Server) -> list[SigningKey]:
    return [
        SigningKey(
            environment=each.name,
            home=str(each.gnupghome),
            owner=each.owner,
            public=str(each.public_key),
            trusted=f"{places.TRUSTED}/{each.name}",
            label=f"{settings.image_name} {each.name} ({settings.public_name})",
            source=each.signing_key,
            offline=each.offline,
        )
        for each in settings.environments
    ]
