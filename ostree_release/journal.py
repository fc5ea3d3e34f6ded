"""The append-only record of who did what: one JSON object a line, each naming the hash of the line before.

A synced *intent* stands there before a ref moves, a *done* (or *failed*) after it; an intent alone is an
interruption. A line that a crash tore is ended and kept: it is part of the chain like any other line, and
readers pass over it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from . import clock, lock
from .errors import Refused
from .model import Entry, Move

START = "0" * 64  # what the first line names as the line before it
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_TAIL = 1 << 16  # bytes read at first to find the last line; most lines are far shorter
_OF_ITS_LINE = frozenset({"previous", "time", "hash", "event", "moves"})  # what no other entry repeats


@dataclass
class Journal:
    """The journal file and the directory of its lock."""

    path: Path
    run: Path
    _known: list[Entry] = field(default_factory=list, init=False, repr=False, compare=False)
    _read: int = field(default=0, init=False, repr=False, compare=False)

    def head(self) -> str:
        """Return the hash of the last complete line (64 hex digits), or `START` of an empty journal."""
        lines = self._tail().split(b"\n")[:-1]
        return line_hash(lines[-1]) if lines else START

    def append(self, entry: Mapping[str, Any]) -> str:
        """Add one entry, with its time and the hash of the line before, synced; returns its line's hash."""
        with lock.journal(self.run), self._opened(os.O_RDWR | os.O_APPEND) as descriptor:
            tail = self._tail()
            torn = not tail.endswith(b"\n") and tail != b""
            last = (tail if torn else tail[:-1]).split(b"\n")[-1]
            previous = line_hash(last) if tail else START
            stamped = {"previous": previous, "time": time_of(clock.now()), **entry}
            line = json.dumps(stamped, ensure_ascii=True).encode()
            _write(descriptor, (b"\n" if torn else b"") + line + b"\n")
            os.fsync(descriptor)
        return line_hash(line)

    @contextlib.contextmanager
    def move(
        self, actor: str, action: str, environment: str, moves: Sequence[Move], **more: Any
    ) -> Iterator[list[Move]]:
        """Write the intent, let the block move the refs, then write done; failed if the block is refused.

        Yields a list for the moves that only the block itself can find out (a compose); done names them too.
        Such an intent names in `starts` the ref and where it is, for whoever settles it.
        """
        common = {"actor": actor, "action": action, "environment": environment}
        intent = self.append({"event": "intent", **common, "moves": _as_json(moves), **more})
        made = list(moves)
        try:
            yield made
        except Refused as refusal:
            self.append({"event": "failed", **common, "intent": intent, "reason": str(refusal)})
            raise
        self.append({"event": "done", **common, "intent": intent, "moves": _as_json(made), **more})

    def entries(self) -> list[Entry]:
        """Return every readable entry, oldest first, each with its own line's hash as `hash`.

        What was read before is not read again, for lines are only added: a file that is shorter is another.
        """
        with self._opened(os.O_RDONLY) as descriptor:
            size = os.fstat(descriptor).st_size
            if size < self._read:
                self._known.clear()
                self._read = 0
            more = _everything(descriptor, self._read, size)
        whole = more[: more.rfind(b"\n") + 1]
        self._known.extend(_entries(whole))
        self._read += len(whole)
        return [*self._known, *_entries(more[len(whole) :])]

    def settle(self, actor: str, left: Iterable[Entry], refs: Mapping[str, str]) -> None:
        """End interrupted intents of one environment: done where refs are as intended, else failed.

        Such an end says what the intent said, as any other: whose change it was, and why.

        + actor: who settles it
        + left: as `interrupted` has them
        + refs: every ref of the environment with its checksum, now
        """
        for entry in left:
            moves: list[Entry] = entry["moves"] or _found(entry.get("starts"), refs)
            reached = moves != [] and all(refs.get(move["ref"]) == move["to"] for move in moves)
            said = {name: value for name, value in entry.items() if name not in _OF_ITS_LINE}
            outcome: Entry = {"event": "failed", "reason": "interrupted"}
            if reached:
                outcome = {"event": "done", "moves": moves}
            self.append({**said, **outcome, "intent": entry["hash"], "late": True, "settled_by": actor})

    def content(self) -> bytes:
        """Return the whole file."""
        with self._opened(os.O_RDONLY) as descriptor:
            return _everything(descriptor, 0, os.fstat(descriptor).st_size)

    def _tail(self) -> bytes:
        """Return the end of the file, with the whole of its last complete line and what is torn after it."""
        with self._opened(os.O_RDONLY) as descriptor:
            size, length = os.fstat(descriptor).st_size, _TAIL
            while True:
                tail = os.pread(descriptor, length, max(0, size - length))
                if length >= size or tail.count(b"\n") > 1:
                    return tail
                length *= 4

    @contextlib.contextmanager
    def _opened(self, flags: int) -> Iterator[int]:
        try:
            descriptor = os.open(self.path, flags | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise Refused(f"journal {self.path}: {error.strerror}") from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def interrupted(entries: Iterable[Entry], environment: str) -> list[Entry]:
    """Return an environment's intents that have neither done nor failed."""
    ours = [entry for entry in entries if entry.get("environment") == environment]
    ended = {entry.get("intent") for entry in ours}
    return [entry for entry in ours if entry.get("event") == "intent" and entry["hash"] not in ended]


def moves_of(entry: Entry) -> list[dict[str, Any]]:
    """Return the moves that an entry names; what is none, as this program writes them, is left out."""
    moves = entry.get("moves")
    return [move for move in moves if _is_move(move)] if isinstance(moves, list) else []


def moved(
    entries: Iterable[Entry],
    environment: str,
    ref: str,
    checksum: str,
    events: Collection[str] = ("done", "shown"),
) -> list[Entry]:
    """Return the entries that an environment's ref was moved to a commit, oldest first.

    + events: done of the moves themselves; shown where clients were told of one later, after an interruption
    """
    return [
        entry
        for entry in entries
        if entry.get("event") in events
        and entry.get("environment") == environment
        and any(move["ref"] == ref and move["to"] == checksum for move in moves_of(entry))
    ]


def time_of(timestamp: int) -> str:
    """Return seconds since 1970 as entries write their time, in UTC."""
    return datetime.fromtimestamp(timestamp, timezone.utc).strftime(_TIME)


def timestamp_of(entry: Mapping[str, Any]) -> int:
    """Return the time of an entry in seconds since 1970; refuses one that this program did not write."""
    try:
        return int(datetime.strptime(entry["time"], _TIME).replace(tzinfo=timezone.utc).timestamp())
    except (KeyError, TypeError, ValueError):
        raise Refused(
            "journal: an entry has no time: somebody has changed it; see ostree-release log"
        ) from None


def _is_move(move: object) -> bool:
    ends = (str, type(None))
    return (
        isinstance(move, dict)
        and isinstance(move.get("ref"), str)
        and all(isinstance(move.get(end), ends) for end in ("from", "to"))
    )


def _found(starts: Mapping[str, str] | None, refs: Mapping[str, str]) -> list[Entry]:
    """Return what a compose has moved that did not live to say it: nothing, or its one ref."""
    if not starts or refs.get(starts["ref"]) == starts["from"]:
        return []
    return [{**starts, "to": refs.get(starts["ref"])}]


def _as_json(moves: Sequence[Move]) -> list[dict[str, str | None]]:
    return [move.as_json() for move in moves]


def _entries(content: bytes) -> Iterator[Entry]:
    for line in content.split(b"\n"):
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict):
                yield {**entry, "hash": line_hash(line)}


def _everything(descriptor: int, begin: int, end: int) -> bytes:
    """Read from one place in a file to another; less where it has become shorter meanwhile."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(begin)
        return file.read(end - begin)


def line_hash(line: bytes) -> str:
    """Return what the next line names as the line before it: SHA-256 of a line without its end."""
    return hashlib.sha256(line).hexdigest()


def _write(descriptor: int, data: bytes) -> None:
    """Write all of it; a full disk raises with what was written left as a torn line."""
    while data:
        data = data[os.write(descriptor, data) :]
