"""Users and groups of a server."""

from dataclasses import dataclass, field
from shlex import join

from pyinfra.api import StringCommand

from tasks.facts.command_output import Reading, Said, asked, unexpected
from tasks.facts.sections import begin, sections


@dataclass(frozen=True)
class AccountsState:
    """Which of the asked logins exist, and the members of those of the asked groups that exist."""

    logins: list[str] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)


class Accounts(Reading[AccountsState]):
    """Logins and groups, from wherever the server has them.

    + logins: names of users
    + groups: names of groups

    **Example:**

    .. code:: python

        host.get_fact(Accounts, logins=["ann"], groups=["ostree-composers"])
    """

    subject = "getent"

    def command(self, logins: list[str], groups: list[str]) -> StringCommand:
        """One command for all of them; it succeeds whatever is missing, for which getent exits with 2."""
        return asked(
            f"{begin('passwd')} ; {{ getent passwd -- {join(logins)} || [ $? = 2 ]; }} &&"
            f" {begin('group')} && {{ getent group -- {join(groups)} || [ $? = 2 ]; }}"
        )

    def read(self, said: Said) -> AccountsState:
        """Parse lines of passwd and group."""
        found = sections(said.lines, "passwd", "group")
        groups = [_fields(line, 4) for line in found["group"]]
        return AccountsState(
            logins=[_fields(line, 7)[0] for line in found["passwd"]],
            groups={name: sorted(filter(None, members.split(","))) for name, _, _, members in groups},
        )


def _fields(line: str, count: int) -> list[str]:
    fields = line.split(":")
    if len(fields) != count:
        raise unexpected(line)
    return fields
