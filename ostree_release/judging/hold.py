"""Holds: what nobody and no schedule may stage, sign or move to a ring until the hold is released."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ..context import Context
from ..errors import Refused
from ..images.diff import find
from ..model import Commit, Package
from ..repo import Repository
from .held import KINDS as KINDS
from .held import UNREADABLE, Hold, names_of
from .held import holds as holds

_LONGEST = 300  # characters of a value
# What a value of each kind but a build looks like, and how that is said.
_FORMS = {
    "content": (re.compile(r"[0-9a-f]{64}"), "64 hexadecimal digits in lower case"),
    "inputhash": (re.compile(r"[0-9a-f]{64}|[0-9a-f]{128}"), "64 or 128 hexadecimal digits in lower case"),
    "package": (
        re.compile(r"\w[\w.+~^-]*-([0-9]+:)?[\w.+~^]+-[\w.+~^]+", re.ASCII),
        "NAME-VERSION-RELEASE, if need be with EPOCH: before the version and .ARCH at the end",
    ),
}


def refuse_held(context: Context, repository: Repository, commit: Commit) -> None:
    """Raise Refused where a build, candidate or release is held, with who held it and why."""
    found = holding(holds(context.journal.entries()), repository, commit)
    if found:
        raise Refused(
            *(
                f"{commit.version} is held ({each.kind} {each.label}): {each.reason}; "
                f"by {each.actor} on {each.time[:10]}"
                for each in found
            )
        )


def holding(live: Iterable[Hold], repository: Repository, commit: Commit) -> list[Hold]:
    """Return those of the live holds that hold a commit."""
    live = list(live)
    names = names_of(commit)
    if any(each.kind == "inputhash" for each in live):
        names["inputhash"] = {repository.input_hash(commit.checksum)}
    if any(each.kind == "package" for each in live):
        packages = repository.packages(commit.checksum) or ()
        names["package"] = {name for package in packages for name in _names(package)}
    return [each for each in live if each.kind == UNREADABLE or each.value in names[each.kind]]


def hold(context: Context, kind: str, value: str, reason: str) -> dict[str, Any]:
    """Hold something, unless it is held already; returns the result as it is printed.

    value: of a build its version or checksum; else a content checksum, an rpmostree.inputhash, or a package's
    name-version-release. What nothing here has yet is held too, and the result says so.
    """
    if kind in _FORMS:
        form, words = _FORMS[kind]
        if len(value) > _LONGEST or not form.fullmatch(value):
            raise Refused(f"hold: {kind} {value[:_LONGEST]!r}: must be {words}: nothing was held")
    value, label = _resolved(context, kind, value)
    live = holds(context.journal.entries())
    same = [each for each in live if (each.kind, each.value) == (kind, value)]
    if not same:
        context.journal.append(
            {
                "event": "held",
                "action": "hold",
                "actor": context.actor,
                "kind": kind,
                "value": value,
                "label": label,
                "reason": reason,
            }
        )
    note = "" if _is_here(context, kind, value) else " (nothing here has it yet)"
    return listing(context, "unchanged" if same else "held", f"{kind} {label}{note}")


def release(context: Context, kind: str, value: str, reason: str) -> dict[str, Any]:
    """Release every hold of something; returns the result as it is printed. Refuses what is not held."""
    value, label = _resolved(context, kind, value)
    live = [each for each in holds(context.journal.entries()) if (each.kind, each.value) == (kind, value)]
    if not live:
        raise Refused(f"hold: {kind} {label} is not held (see: ostree-release hold)")
    for each in live:
        context.journal.append(
            {
                "event": "released-hold",
                "action": "hold",
                "actor": context.actor,
                "hold": each.id,
                "kind": kind,
                "value": value,
                "label": label,
                "reason": reason,
            }
        )
    return listing(context, "released", f"{kind} {label}")


def listing(context: Context, outcome: str = "listed", what: str = "") -> dict[str, Any]:
    """Return what is held, as the subcommand prints it."""
    live = holds(context.journal.entries())
    return {"outcome": outcome, "what": what, "holds": [each.as_json() for each in live]}


def _resolved(context: Context, kind: str, value: str) -> tuple[str, str]:
    """Return what a hold compares with, and how a person knows it; refuses a build that nobody has."""
    if kind != "build":
        return value, value
    _, _, commit = find(context.config, value)
    return commit.build or commit.checksum, f"{commit.version} ({(commit.build or commit.checksum)[:12]})"


def _is_here(context: Context, kind: str, value: str) -> bool:
    """Say whether any build, candidate or release on this server has what is held."""
    wanted = [Hold("", kind, value, value, "", "", "")]
    for environment in context.config.environments:
        if not environment.repository.exists():
            continue
        with context.reading(environment):
            repository = Repository(environment.repository)
            refs = set(repository.refs().values()) if environment.rings else set()
            commits = [*map(repository.commit, refs), *repository.history(environment.ref)]
            if any(holding(wanted, repository, commit) for commit in commits):
                return True
    return False


def _names(package: Package) -> list[str]:
    """Return what a package goes by: name-version-release, with epoch or architecture or not."""
    plain = f"{package.name}-{package.version}-{package.release}"
    full = f"{package.name}-{package.evr}"
    return [plain, full, f"{plain}.{package.arch}", f"{full}.{package.arch}"]
