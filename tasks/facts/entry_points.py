"""How the laptop calls `ostree-release` on the server: as a role, through sudo, in the command itself.

pyinfra's own `_sudo` runs a shell as the other user, which the roles' sudoers rules do not allow.
"""

from functools import partial

from pyinfra.api import QuoteString, StringCommand

from tasks.settings.places import ROLE_USERS, entry


def _call(role: str, /, *words: str, **options: str | None) -> StringCommand:
    """Build a call of a role's entry point, as whom the role runs.

    Options go as --name=value: no value can be taken for an option. One that is None is left out.
    """
    user = ROLE_USERS[role]
    given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items() if value is not None]
    whom = [] if user == "root" else ["-u", user]
    return StringCommand("sudo", "-n", *whom, entry(role), *map(QuoteString, (*words, *given)))


composer, promoter, approver = (partial(_call, role) for role in ("composer", "promoter", "approver"))
# Who looks may do it in any role; sudo refuses the other ones without reading what they are given.
ENTRY_POINTS = {
    "reader": (promoter, approver, composer),
    "promoter": (promoter,),
    "approver": (approver,),
    "composer": (composer,),
}
