"""Holds: what nobody and no schedule may stage, sign or move to a ring until the hold is released."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..context import Context
from ..errors import Refused
from ..model import Commit, Entry, Package, following
from ..text import short

if TYPE_CHECKING:  # what the journal says is read without libostree
    from ..repository.reading import Repository

KINDS = ("build", "content", "inputhash", "package")
# Kind of a hold that somebody has changed: nobody knows what it held, so it holds everything.
UNREADABLE = "unreadable"


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


@dataclass(frozen=True)
class Hold:
    """One hold.

    + id: the journal entry that set it
    + value: what is held
    + label: as a person knows it
    """

    id: str
    kind: str
    value: str
    label: str
    actor: str
    reason: str
    time: str

    def as_json(self) -> dict[str, str]:
        """Return it as it is printed."""
        return asdict(self)


def holds(entries: Iterable[Entry]) -> list[Hold]:
    """Return the holds that nobody has released, oldest first."""
    found: dict[str, Hold] = {}
    for entry in entries:
        if entry.get("event") == "held":
            found[entry["hash"]] = _hold(entry)
        elif entry.get("event") == "released-hold":
            found.pop(str(entry.get("hold")), None)
    return list(found.values())


def names_of(commit: Commit) -> dict[str, set[str | None]]:
    """Return what a hold may call a commit, by kind, as far as the commit itself says it."""
    return {"build": {commit.checksum, commit.build}, "content": {commit.content}}


def refuse_held(entries: Iterable[Entry], repository: Repository, commit: Commit) -> None:
    """Raise Refused where a build, candidate or release is held, with who held it and why."""
    found = holding(holds(entries), repository, commit)
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

    + value: of a build its version or checksum; else a content checksum, an rpmostree.inputhash, or a
      package's name-version-release
    What nothing here has yet is held too, and the result says so.
    """
    if kind in _FORMS:
        form, words = _FORMS[kind]
        if len(value) > _LONGEST or not form.fullmatch(value):
            raise Refused(f"hold: {kind} {value[:_LONGEST]!r}: must be {words}: nothing was held")
    value, label = _resolved(context, kind, value)
    live = holds(context.journal.entries())
    same = [each for each in live if (each.kind, each.value) == (kind, value)]
    if not same:
        context.record("held", "hold", None, kind=kind, value=value, label=label, reason=reason)
    note = "" if _is_here(context, kind, value) else " (nothing here has it yet)"
    return listing(context, "unchanged" if same else "held", f"{kind} {label}{note}")


def release(context: Context, kind: str, value: str, reason: str) -> dict[str, Any]:
    """Release every hold of something; returns the result as it is printed. Refuses what is not held."""
    value, label = _resolved(context, kind, value)
    live = [each for each in holds(context.journal.entries()) if (each.kind, each.value) == (kind, value)]
    if not live:
        raise Refused(f"hold: {kind} {label} is not held (see: ostree-release hold)")
    what = {"kind": kind, "value": value, "label": label, "reason": reason}
    for each in live:
        context.record("released-hold", "hold", None, hold=each.id, **what)
    return listing(context, "released", f"{kind} {label}")


def listing(context: Context, outcome: str = "listed", what: str = "") -> dict[str, Any]:
    """Return what is held, as the subcommand prints it."""
    live = holds(context.journal.entries())
    step = {"subcommand": "status", "arguments": []} if outcome == "held" else following("promote")
    return {"outcome": outcome, "what": what, "holds": [each.as_json() for each in live], "next": step}


def _resolved(context: Context, kind: str, value: str) -> tuple[str, str]:
    """Return what a hold compares with, and how a person knows it; refuses a build that nobody has."""
    if kind != "build":
        return value, value
    from ..environments.find import find  # here, because it needs libostree

    commit = find(context.config, value).commit
    build = commit.build or commit.checksum
    return build, f"{commit.version} ({short(build)})"


def _is_here(context: Context, kind: str, value: str) -> bool:
    """Say whether any build, candidate or release on this server has what is held."""
    from ..repository.reading import Repository

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


def _hold(entry: Entry) -> Hold:
    words = [entry.get(name) for name in ("kind", "value", "label", "actor", "reason", "time")]
    if entry.get("kind") in KINDS and all(isinstance(word, str) for word in words):
        return Hold(entry["hash"], *map(str, words))
    return Hold(
        id=entry["hash"],
        kind=UNREADABLE,
        value="",
        label=f"journal entry {short(entry['hash'])}",
        actor=str(entry.get("actor")),
        reason="not an entry of this program: see ostree-release verify",
        time=str(entry.get("time")),
    )
