"""What an SSH key of the CI may run, and how it gets there.

sshd runs the forced command as the CI's own user, whatever the client asked for, with the key's name as its
argument. It takes the client's words apart without a shell, looks the subcommand up among those of the key,
and becomes sudo with an entry point that only the CI's user may start. That one looks the key up again: the
name and the fingerprint that it records come from the configuration, which root wrote.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import PROGRAM
from ..config import DEFAULT_PATH, CiKey, Config
from ..errors import Refused
from ..loading import load
from . import allowed_subcommands

_LIMIT = 4000  # characters of a command
_USAGE = 2
_SUDO = "/usr/bin/sudo"

# Role -> the user that sudo is to become, and the entry point.
Entries = Mapping[str, tuple[str, str]]


def forced_command(arguments: Sequence[str], entries: Entries, config: Path = DEFAULT_PATH) -> int:
    """Become the subcommand that the client asked for; returns an exit status if that is refused.

    + arguments: the key's name, as the forced command gives it
    """
    try:
        key = load(config).ci_key("".join(arguments))
        words = split(os.environ.get("SSH_ORIGINAL_COMMAND", ""), key)
        command = sudo(key, words, entries)
        os.chdir("/")
        os.execve(command[0], command, {"PATH": "/usr/sbin:/usr/bin", "LANG": "C.UTF-8"})
    except Refused as refusal:
        for line in refusal.lines:
            print(f"{PROGRAM}: {line}", file=sys.stderr)
    except OSError as error:
        print(f"{PROGRAM}: {_SUDO}: {error.strerror}", file=sys.stderr)
    return _USAGE


def split(original: str, key: CiKey) -> list[str]:
    """Return the words of the client's command; refuses one whose first word the key was not given."""
    may = f"key {key.name} may run {', '.join(key.subcommands)}"
    if len(original) > _LIMIT or not original.isprintable():
        raise Refused(f"a command is one line of at most {_LIMIT} printable characters; {may}")
    try:
        words = shlex.split(original)
    except ValueError as error:
        raise Refused(f"{original!r}: {str(error).lower()}; {may}") from None
    if not words:
        raise Refused(f"no command was given and there is no shell; {may}")
    admit(key, words[0])
    return words


def admit(key: CiKey, subcommand: str) -> None:
    """Refuse a subcommand that the key was not given, or that no key can be given."""
    if subcommand not in key.subcommands or subcommand not in allowed_subcommands.FOR_CI:
        raise Refused(
            f"{subcommand!r}: not for this key; key {key.name} may run {', '.join(key.subcommands)}"
        )


def sudo(key: CiKey, words: Sequence[str], entries: Entries) -> list[str]:
    """Return the command that runs the words: through the entry point of the role that may."""
    user, entry = entries[allowed_subcommands.role_for(words[0])]
    return [_SUDO, "-n", "-u", user, entry, key.name, *words]


def named(config: Config, name: str, subcommand: str) -> str:
    """Return how the journal names a key of the CI; refuses a subcommand that the key was not given."""
    key = config.ci_key(name)
    admit(key, subcommand)
    return f"ci:{key.name} {key.fingerprint}"
