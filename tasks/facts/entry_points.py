"""How the laptop calls `ostree-release` on the server: as a role, through sudo, in the command itself.

pyinfra's own `_sudo` runs a shell as the other user, which the roles' sudoers rules do not allow.
"""

from __future__ import annotations

from pyinfra.api import QuoteString, StringCommand

from tasks.settings.places import APPROVER, COMPOSER, PROMOTER


def composer(*words: str, **options: str | None) -> StringCommand:
    """Build a call of the composer's entry point (as root)."""
    return StringCommand("sudo", "-n", COMPOSER, *_quoted(words, options))


def promoter(*words: str, **options: str | None) -> StringCommand:
    """Build a call of the promoter's entry point (as ostree-prod)."""
    return StringCommand("sudo", "-n", "-u", "ostree-prod", PROMOTER, *_quoted(words, options))


def approver(*words: str, **options: str | None) -> StringCommand:
    """Build a call of the approver's entry point (as ostree-prod)."""
    return StringCommand("sudo", "-n", "-u", "ostree-prod", APPROVER, *_quoted(words, options))


def _quoted(words: tuple[str, ...], options: dict[str, str | None]) -> list[QuoteString]:
    """Quote words, and options as --name=value: no value can be taken for an option. None is left out."""
    given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items() if value is not None]
    return [QuoteString(each) for each in (*words, *given)]


# Who looks may do it in any role; sudo refuses the other ones without reading what they are given.
ENTRY_POINTS = {
    "reader": (promoter, approver, composer),
    "promoter": (promoter,),
    "approver": (approver,),
    "composer": (composer,),
}
