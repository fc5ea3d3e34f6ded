"""Which subcommands the two root-owned entry points may run; sudoers names only the entry points."""

from __future__ import annotations

LOOKING = frozenset({"builds", "status", "log", "diff", "config"})
ROLES = {
    "composer": LOOKING | {"compose"},
    "promoter": LOOKING | {"stage", "sign", "publish", "promote"},
}


def allowed(role: str | None, subcommand: str) -> bool:
    """Say whether a role may run a subcommand; without a role (root at a shell) everything is allowed."""
    return role is None or subcommand in ROLES[role]
