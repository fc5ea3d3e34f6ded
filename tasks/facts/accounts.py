"""Users and groups of a server."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyinfra.api import FactBase, QuoteString, StringCommand


@dataclass(frozen=True)
class AccountsState:
    """Which of the asked logins exist, and the members of those of the asked groups that exist."""

    logins: list[str] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)


class Accounts(FactBase[AccountsState]):
    """Logins and groups, from wherever the server has them.

    + logins: names of users
    + groups: names of groups
    """

    @staticmethod
    def default() -> AccountsState:
        """None of them exists."""
        return AccountsState()

    def command(self, logins: list[str], groups: list[str]) -> StringCommand:
        """One command for all of them; it succeeds whatever is missing."""
        return StringCommand(
            *("getent passwd --", *map(QuoteString, logins), "| sed 's/^/login:/';"),
            *("getent group --", *map(QuoteString, groups), "| sed 's/^/group:/'; true"),
        )

    def process(self, output: list[str]) -> AccountsState:
        """Parse lines of passwd and group, each behind its kind."""
        state = AccountsState()
        for line in output:
            kind, name, *rest = line.split(":")
            if kind == "login":
                state.logins.append(name)
            else:
                state.groups[name] = sorted(filter(None, rest[-1].split(",")))
        return state
