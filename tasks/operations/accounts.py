"""A system user, and groups with exactly the members that are declared.

pyinfra's `server.user` knows the groups of a user, not who is in a group, and asks for each user.
"""

from collections.abc import Iterator

from pyinfra.api import operation

from tasks.facts.accounts import Accounts, AccountsState
from tasks.facts.together import known
from tasks.operations.remote_script import Commands, quoted, refuse, together


@operation()
def present(
    user: str, home: str, groups: dict[str, list[str]] | None = None, shell: str = "/usr/sbin/nologin"
) -> Commands:
    """
    Make a system user without a password, with a group of its name, and groups of existing logins.

    + user: name of the system user
    + home: its home directory, which is not made here
    + groups: name of a group -> logins that are its members; any other member is taken out
    + shell: the user's shell; by default one that lets nobody in

    **Example:**

    .. code:: python

        accounts.present(
            name="Roles", user="ostree-prod", home="/var/lib/ostree-release", groups={"ostree-promoters": []}
        )
    """
    groups = groups or {}
    members = sorted({login for logins in groups.values() for login in logins})
    state = known(Accounts, logins=[user, *members], groups=[user, *groups])
    missing = [login for login in members if login not in state.logins]
    if missing:
        yield refuse(
            f"{_where(missing[0], groups)}: there is no login {missing[0]!r} on this server;"
            " make it first, or take it out of the settings"
        )
        return
    lines = [*_user(user, home, shell, state), *_groups(groups, state)]
    yield from together(lines, f"user {user} and groups {', '.join(groups) or user} are as declared")


def _where(login: str, groups: dict[str, list[str]]) -> str:
    return " and ".join(group.replace("-", "_") for group, logins in groups.items() if login in logins)


def _user(user: str, home: str, shell: str, state: AccountsState) -> Iterator[str]:
    if user not in state.groups:
        yield f"groupadd --system {quoted(user)}"
    if user not in state.logins:
        options = ("--gid", user, "--home-dir", home, "--shell", shell)
        yield f"useradd --system --no-create-home {quoted(*options, user)}"


def _groups(groups: dict[str, list[str]], state: AccountsState) -> Iterator[str]:
    for group, logins in groups.items():
        if group not in state.groups:
            yield f"groupadd --system {quoted(group)}"
        if state.groups.get(group, []) != sorted(logins):
            yield f"gpasswd --members {quoted(','.join(sorted(logins)), group)}"
