"""What the journal says is held: by whom, why, and what a commit goes by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..journal import Entry
from ..model import Commit

KINDS = ("build", "content", "inputhash", "package")
# Kind of a hold that somebody has changed: nobody knows what it held, so it holds everything.
UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Hold:
    """One hold. id: the journal entry that set it; value: what is held; label: as a person knows it."""

    id: str
    kind: str
    value: str
    label: str
    actor: str
    reason: str
    time: str

    def as_json(self) -> dict[str, str]:
        """Return it as it is printed."""
        return {
            "id": self.id,
            "kind": self.kind,
            "value": self.value,
            "label": self.label,
            "actor": self.actor,
            "reason": self.reason,
            "time": self.time,
        }


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


def _hold(entry: Entry) -> Hold:
    words = [entry.get(name) for name in ("kind", "value", "label", "actor", "reason", "time")]
    if entry.get("kind") in KINDS and all(isinstance(word, str) for word in words):
        return Hold(entry["hash"], *map(str, words))
    return Hold(
        id=entry["hash"],
        kind=UNREADABLE,
        value="",
        label=f"journal entry {entry['hash'][:12]}",
        actor=str(entry.get("actor")),
        reason="not an entry of this program: see ostree-release verify",
        time=str(entry.get("time")),
    )
