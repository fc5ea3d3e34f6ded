"""Which keys the clients of a run trust, as each of them says; pure decisions about what that means."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Trusting:
    """A client of an environment. keys: fingerprints that it trusts, None where it could not be asked."""

    name: str
    keys: tuple[str, ...] | None


def missed(clients: Sequence[Trusting], key: str) -> list[str]:
    """Name the clients that are set up and do not trust a key."""
    return [each.name for each in clients if each.keys and key not in each.keys]


def locked_out(clients: Sequence[Trusting], left: Collection[str]) -> list[str]:
    """Name the clients that would trust none of the keys that are left, or may: those that were not asked.

    One without any key is not set up yet, and is given what is published then.
    """
    return [
        each.name for each in clients if each.keys is None or (each.keys and not set(each.keys) & set(left))
    ]


def mending(names: Sequence[str]) -> str:
    """Return what gives clients the keys that are published."""
    return "pyinfra INVENTORY tasks/rebase.py -y" + "".join(f" --limit {name}" for name in names)


def client_lines(clients: Sequence[Trusting], published: Sequence[str]) -> list[str]:
    """Show each client, and how those are mended that miss a key."""
    lines = []
    for each in clients:
        if each.keys is None:
            lines.append(f"  {each.name}: could not be asked")
        elif not each.keys:
            lines.append(f"  {each.name}: not set up yet")
        else:
            lines.append(f"  {each.name}: trusts {', '.join(key[-16:] for key in each.keys)}")
    for key in published:
        names = missed(clients, key)
        if names:
            lines.append(f"{', '.join(names)} missed {key}: {mending(names)}")
    return lines
