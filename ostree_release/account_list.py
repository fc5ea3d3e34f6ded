"""The all-time list of an image's users and groups: which name has which number, and never another's.

Pure: the lines of passwd and group files in, a list out. The laptop checks a seed with it too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

USER, GROUP = "user", "group"
KINDS = (USER, GROUP)
ROOT = "root"

# Fedora's login.defs: SYS_UID_MAX. Above it a machine has people, systemd's dynamic users, a directory's.
_HIGHEST = 999
_NOBODY = 65534

_FIELDS = {7: USER, 4: GROUP}  # by which a line says which of both files it is from
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,30}[A-Za-z0-9_.$-]?")
_NO_NUMBERS = (65535, 4294967295)  # -1 of 16 and of 32 bits, which mean "nobody at all"
_NO_PASSWORDS = ("x", "*", "!", "!!", "!*")


@dataclass(frozen=True)
class Account:
    """A line of passwd or group.

    + kind: user or group
    + group: the number of a user's group, else None
    """

    kind: str
    name: str
    number: int
    group: int | None
    line: str

    @property
    def numbers(self) -> str:
        """Its number, or both, as people write them."""
        return str(self.number) if self.group in (None, self.number) else f"{self.number}:{self.group}"

    def __str__(self) -> str:
        """Return what is said of it."""
        return f"{self.kind} {self.name} ({self.numbers})"


@dataclass(frozen=True)
class Clash:
    """An account that a list cannot take, because of what it has."""

    account: Account
    has: Account

    def __str__(self) -> str:
        """Return both, in words."""
        if self.account.name == self.has.name:
            return f"{self.account}: it has {self.has.numbers} already"
        return f"{self.account}: {self.account.number} is the number of {self.has.kind} {self.has.name}"


@dataclass(frozen=True)
class AccountList:
    """Accounts in the order in which they came. No name is in it twice, and no number of a kind."""

    accounts: tuple[Account, ...] = ()

    def with_all(self, more: Iterable[Account]) -> tuple[AccountList, tuple[Clash, ...]]:
        """Return the list with what is new at its end, and what it cannot take."""
        names = {(each.kind, each.name): each for each in self.accounts}
        numbers = {(each.kind, each.number): each for each in self.accounts}
        added: list[Account] = []
        clashes: list[Clash] = []
        for each in more:
            known = names.get((each.kind, each.name))
            if known is None:
                other = numbers.get((each.kind, each.number))
                if other is not None:
                    clashes.append(Clash(each, other))
                    continue
                names[each.kind, each.name] = numbers[each.kind, each.number] = each
                added.append(each)
            elif (known.number, known.group) != (each.number, each.group):
                clashes.append(Clash(each, known))
        return AccountList((*self.accounts, *added)), tuple(clashes)

    def text(self, kind: str) -> str:
        """Return the users as passwd has them, or the groups as group does."""
        return "".join(f"{each.line}\n" for each in self.accounts if each.kind == kind)


def of_image(passwd: str, group: str) -> Iterator[Account]:
    """Yield the accounts of an image's files; a line that is none is none of ours to refuse."""
    for kind, text in ((USER, passwd), (GROUP, group)):
        for line in text.splitlines():
            found = _account(line)
            if isinstance(found, Account) and found.kind == kind:
                yield found


def of_seed(text: str) -> tuple[tuple[Account, ...], tuple[str, ...]]:
    """Return the accounts of a seed, passwd and group lines in any order, and what is wrong, line by line.

    Those from 1000 on are left out, which a machine has of its own: `getent` lists them too. So is everybody
    in a group who is no user of the seed: who is in wheel there would be in every image. It also prints a
    group twice that is in /etc and in /usr/lib: a line that comes again is no problem.
    """
    found = AccountList()
    problems: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        account = _account(line)
        if isinstance(account, str):
            problems.append(f"line {number}: {account}")
            continue
        if account.number > _HIGHEST and account.number != _NOBODY:
            continue
        problem = _unsafe(account)
        if problem:
            problems.append(f"line {number}: {problem}")
            continue
        found, clashes = found.with_all([account])
        problems += [f"line {number}: {clash}" for clash in clashes]
    if not problems:
        problems = [
            f"it has no {kind} root: it must be the whole of passwd and of group"
            for kind in KINDS
            if not any((each.kind, each.name, each.number) == (kind, ROOT, 0) for each in found.accounts)
        ]
    users = {each.name for each in found.accounts if each.kind == USER}
    return tuple(_without_people(each, users) for each in found.accounts), tuple(problems)


def _without_people(account: Account, users: Collection[str]) -> Account:
    """Return an account, a group without its members that are not among users."""
    if account.kind == USER:
        return account
    *fields, members = account.line.split(":")
    kept = ",".join(each for each in members.split(",") if each in users)
    return replace(account, line=":".join([*fields, kept]))


def _account(line: str) -> Account | str:
    """Return the account of a line, or what is wrong with the line."""
    fields = line.split(":")
    kind = _FIELDS.get(len(fields))
    if kind is None:
        return (
            f"it has {len(fields)} fields: a line of passwd has 7, one of group has 4, with ':' between them"
        )
    if not _NAME.fullmatch(fields[0]):
        return f"{fields[0]!r} is no name of a {kind}: letters, digits, '_', '-' and '.', at most 32"
    numbers = fields[2:4] if kind == USER else fields[2:3]
    for each in numbers:
        # isascii, because isdecimal also takes other scripts' digits.
        legal = each.isascii() and each.isdecimal() and len(each) <= 10 and int(each) < 2**32
        if not legal or int(each) in _NO_NUMBERS:
            return f"{each!r} is no number of a user or group: 0 to 4294967294, but not 65535"
    return Account(kind, fields[0], int(numbers[0]), int(numbers[1]) if kind == USER else None, line)


def _unsafe(account: Account) -> str | None:
    """Return why a line may not come into an image, which everybody can read."""
    fields = account.line.split(":")
    if fields[1] not in _NO_PASSWORDS:
        return f"{account.kind} {account.name}: its second field must be 'x': an image has no passwords"
    if not account.line.isprintable():
        return f"{account.kind} {account.name}: it has a character that cannot be printed"
    return None
