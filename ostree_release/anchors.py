"""Anchors: the journal's head, signed after each publish: history cannot be rewritten without the key.

One line each in `anchors/ENVIRONMENT.jsonl`: the document as it was signed, and the signature. Each names the
line before, so that the signature of the last one covers all.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import json
import os
import syslog
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import PROGRAM, clock, files
from .config import Config, Environment
from .context import Context
from .errors import Refused
from .journal import START, line_hash, moves_of, time_of
from .model import Entry
from .signing import gpg, keyring

FORMAT = 1
UNSIGNED = "journal's head was not signed"
_FIELDS: dict[str, type] = {
    **dict.fromkeys(("environment", "head", "previous", "key", "time"), str),
    **dict.fromkeys(("number", "lines", "bytes"), int),
}


@dataclass(frozen=True)
class Anchor:
    """One signed head of the journal.

    + line: its number in the file
    + hash: of that line
    + number: from 1 up
    + lines, bytes, head: how much of the journal it covers, and the hash of the last of those lines
    + previous: hash of the anchor's line before
    + key: fingerprint of the signing key
    """

    line: int
    hash: str
    document: bytes
    signature: bytes
    environment: str
    number: int
    lines: int
    bytes: int
    head: str
    previous: str
    key: str
    time: str


def path(config: Config, environment: Environment) -> Path:
    """Return the file of an environment's anchors."""
    return config.state / "anchors" / f"{environment.name}.jsonl"


def read(config: Config, environment: Environment) -> bytes:
    """Return the content of an environment's file of anchors; empty where there is none."""
    return files.read(path(config, environment)) or b""


def parse(content: bytes) -> list[Anchor]:
    """Return the anchors in a file; a line that is none (torn by a crash) is passed over."""
    found = []
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        with contextlib.suppress(ValueError, KeyError, TypeError, binascii.Error):
            outer = json.loads(line)
            signature = base64.b64decode(outer["signature"], validate=True)
            document = json.loads(outer["document"])
            if document["format"] == FORMAT and all(type(document[key]) is _FIELDS[key] for key in _FIELDS):
                values = {key: document[key] for key in _FIELDS}
                found.append(Anchor(number, line_hash(line), outer["document"].encode(), signature, **values))
    return found


def due(environment: Environment, entries: Sequence[Entry], last: Anchor | None) -> bool:
    """Say whether a release or ring has moved since the last anchor.

    + entries: the whole journal's
    """
    ours = {ring.ref for ring in environment.rings}
    released = environment.release_ref("")
    for entry in reversed(entries):
        if last and entry["hash"] == last.head:
            return False
        if entry.get("event") == "done" and entry.get("environment") == environment.name:
            refs = [move["ref"] for move in moves_of(entry)]
            if any(ref in ours or ref.startswith(released) for ref in refs):
                return True
    return False


def is_due(config: Config, environment: Environment, entries: Sequence[Entry]) -> bool:
    """Say whether the environment's next run has an anchor to make.

    + entries: the whole journal's

    Where no key is, there is none to make: the next release, signed elsewhere, names the journal's head.
    """
    if environment.offline:
        return False
    anchors = parse(read(config, environment))
    last = anchors[-1] if anchors else None
    if last and last.key not in gpg.fingerprints(environment.public_key):
        return True  # it was signed with a key that was withdrawn since
    return due(environment, entries, last)


def anchor(context: Context, environment: Environment, entries: Sequence[Entry] | None = None) -> list[str]:
    """Sign the journal's head if something has moved since the last anchor; returns what was done, in words.

    + entries: the whole journal's, None right after a move: then it is due
    A failure is said and no more: what was published stays so, and the next run makes the anchor.
    """
    try:
        moved = not environment.offline if entries is None else is_due(context.config, environment, entries)
        if not moved:
            return []
        _make(context, environment)
    except (Refused, OSError) as error:
        context.say(f"Warning: the journal's head is not signed yet ({error}); the next run does it")
        return []
    return [UNSIGNED]


def _make(context: Context, environment: Environment) -> None:
    before = read(context.config, environment)
    anchors = parse(before)
    content = context.journal.content()
    whole = content[: content.rfind(b"\n") + 1]
    with gpg.no_agent_left(environment.gnupghome):
        key = next(iter(keyring.signers(context.config, environment)), None)
        if key is None:
            raise Refused(f"the key in use of {environment.name} is not on this server")
        document: dict[str, Any] = {
            "format": FORMAT,
            "server": context.config.public_name,
            "environment": environment.name,
            "number": anchors[-1].number + 1 if anchors else 1,
            "lines": whole.count(b"\n"),
            "bytes": len(whole),
            "head": line_hash(whole[:-1].rpartition(b"\n")[2]),
            "previous": anchors[-1].hash if anchors else START,
            "key": key,
            "time": time_of(clock.now()),
        }
        text = json.dumps(document)
        signature = gpg.sign(text.encode(), key, environment.gnupghome)
    line = json.dumps({"document": text, "signature": base64.b64encode(signature).decode()}).encode()
    torn = b"" if before.endswith(b"\n") or not before else b"\n"
    _append(path(context.config, environment), torn + line + b"\n")
    _record(context, environment, document, line_hash(line))
    _tell_system_journal(environment, document, signature)


def _append(file: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(file, flags, 0o644)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(descriptor)


def _record(context: Context, environment: Environment, document: dict[str, Any], anchor_hash: str) -> None:
    """Say in the journal that there is an anchor, so that its removal shows."""
    what = {key: document[key] for key in ("number", "lines", "key")}
    context.record("anchored", "anchor", environment.name, anchor=anchor_hash, **what)


def _tell_system_journal(environment: Environment, document: dict[str, Any], signature: bytes) -> None:
    """Leave the head where only root can change it; where nothing listens, nothing is left."""
    syslog.openlog(PROGRAM, 0, syslog.LOG_AUTHPRIV)
    syslog.syslog(
        syslog.LOG_NOTICE,
        f"journal anchor {document['number']} of {environment.name}: {document['lines']} lines, "
        f"head {document['head']}, signature SHA-256 {hashlib.sha256(signature).hexdigest()}",
    )
    syslog.closelog()
