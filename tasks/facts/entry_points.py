"""How the laptop calls `ostree-release` on the server: as a role, through sudo, in the command itself.

pyinfra's own `_sudo` runs a shell as the other user, which the roles' sudoers rules do not allow.
"""

from __future__ import annotations

from pyinfra.api import QuoteString, StringCommand

from tasks.settings.places import APPROVER, COMPOSER, PROMOTER


def _options(options: dict[str, str | None]) -> list[QuoteString]:
    """Spell options as --name=value, so that no value can be taken for an option. Empty ones are left out."""
    return [
        QuoteString(f"--{name.replace('_', '-')}={value}")
        for name, value in options.items()
        if value is not None
    ]


def composer(subcommand: str, *operands: str, **options: str | None) -> StringCommand:
    """Build a call of the composer's entry point (as root)."""
    return StringCommand("sudo", "-n", COMPOSER, subcommand, *map(QuoteString, operands), *_options(options))


def promoter(subcommand: str, *operands: str, **options: str | None) -> StringCommand:
    """Build a call of the promoter's entry point (as ostree-prod)."""
    return _as_prod(PROMOTER, subcommand, operands, options)


def approver(subcommand: str, *operands: str, **options: str | None) -> StringCommand:
    """Build a call of the approver's entry point (as ostree-prod)."""
    return _as_prod(APPROVER, subcommand, operands, options)


def _as_prod(
    entry: str, subcommand: str, operands: tuple[str, ...], options: dict[str, str | None]
) -> StringCommand:
    words = (subcommand, *map(QuoteString, operands), *_options(options))
    return StringCommand("sudo", "-n", "-u", "ostree-prod", entry, *words)
