"""Which subcommands the root-owned entry points may run; sudoers names only the entry points."""

from __future__ import annotations

# What only reads: nothing here writes, or takes the name of a file to write to.
LOOKING = frozenset({"builds", "status", "log", "diff", "config", "verify", "changelog", "sbom", "keys"})
ROLES = {
    "composer": LOOKING | {"compose", "report-health"},
    "promoter": LOOKING | {"stage", "check", "sign", "publish", "promote", "auto", "report-health"},
    "approver": LOOKING | {"approve", "hold", "report-health"},
}
# All that is done as root, where root calls; the rest is done as the owner of what is promoted to. `run-gate`
# is done by neither: it refuses root.
NEEDS_ROOT = frozenset({"compose", "run-compose", "keys introduce", "keys use", "keys withdraw", "run-gate"})
# What a key of the CI may be given. To approve and to hold is for people.
FOR_CI = ROLES["composer"] | ROLES["promoter"]


# What a subcommand of the CI runs as: the first of these that may. A composer is root.
RUN_AS = ("promoter", "composer")


def allowed(role: str | None, subcommand: str) -> bool:
    """Say whether a role may run a subcommand; without a role (root at a shell) everything is allowed."""
    return role is None or subcommand in ROLES[role]


def role_for(subcommand: str) -> str:
    """Return the role that a subcommand of the CI runs as."""
    return next(role for role in RUN_AS if allowed(role, subcommand))
