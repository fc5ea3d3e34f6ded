"""One signing key for each environment, outside everything that is served."""

from __future__ import annotations

from pyinfra.api import deploy

from tasks.operations import signing_keys
from tasks.operations.signing_keys import SigningKey
from tasks.server import places
from tasks.settings import Server


@deploy("Signing keys")
def make_signing_keys(settings: Server) -> None:
    """Make the keys, or bring those named in the settings, and publish their public parts."""
    signing_keys.present(name="Keys", keys=_keys(settings))


@deploy("Signing keys")
def tell_about_signing_keys(settings: Server, login: str) -> None:
    """End with the fingerprints and how to back the keys up; login: what ssh knows the server by."""
    signing_keys.told(
        name="Fingerprints and backup", keys=_keys(settings), backup=backup_command(settings, login)
    )


def backup_command(settings: Server, login: str) -> str:
    """What to type on the laptop to have a copy of everything that cannot be made again."""
    secret = [places.KEYS.lstrip("/"), places.TRUSTED.lstrip("/")]
    if places.has_private_authority(settings):
        secret.append(places.TLS.lstrip("/"))
    return f"ssh {login} sudo tar -C / -c {' '.join(secret)} | gpg -c -o ostree-keys.tar.gpg"


def _keys(settings: Server) -> list[SigningKey]:
    return [
        SigningKey(
            environment=each.name,
            home=places.gnupghome(each),
            owner=places.owner(each),
            public=places.public_key(settings, each),
            trusted=f"{places.TRUSTED}/{each.name}",
            label=f"{settings.image_name} {each.name} ({settings.public_name})",
            source=each.signing_key,
            offline=each.offline,
        )
        for each in settings.environments
    ]
