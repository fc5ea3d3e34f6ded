"""The CI's SSH keys, as group data describes them: which key may run which subcommands."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ostree_release import config
from ostree_release.access.roles import FOR_CI, ROLES
from tasks.settings import rules
from tasks.settings.reader import near_miss, read_values, refuse_unknown
from tasks.settings.rules import Parts, Rule, Wrong, shown

TYPES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")
_RSA_BITS = 3072
_EXAMPLE = "{'key': 'ssh-ed25519 AAAA…', 'subcommands': ['promote', 'status']}"


@dataclass(frozen=True)
class CiKey(config.CiKey):
    """What the server is told of a key, and the public key itself (type and base64)."""

    public: str


def keys(value: object) -> tuple[CiKey, ...]:
    """Keys by name, each with the line of a .pub file and a list of subcommands; raises Wrong or Parts."""
    if not isinstance(value, Mapping):
        raise Wrong(f"a dictionary: a key's name -> {_EXAMPLE}")
    problems: list[str] = []
    found: list[CiKey] = []
    for name, given in value.items():
        before = len(problems)
        label = f"[{shown(name)}]"
        found_key = _read_key(name, given, label, problems)
        if found_key is None or len(problems) > before:
            continue
        twin = next((each.name for each in found if each.fingerprint == found_key.fingerprint), None)
        if twin:
            problems.append(f"{label}: must have another key than {twin}, for which sshd would take it")
        found.append(found_key)
    if problems:
        raise Parts(problems)
    return tuple(found)


def public_key(value: object) -> str:
    """A public key as a .pub file has it, returned without its comment."""
    words = value.split() if isinstance(value, str) and value.isprintable() else []
    if len(words) < 2 or words[0] not in TYPES:
        raise Wrong(f"a line of a .pub file, without options, of type {', '.join(TYPES[:-1])} or {TYPES[-1]}")
    try:
        fields = _fields(base64.b64decode(words[1], validate=True))
    except (binascii.Error, ValueError):
        raise Wrong("a whole line of a .pub file: its second word is not a key") from None
    if fields[0] != words[0].encode():
        raise Wrong(f"a line of a .pub file as it was made: its second word is not a key of type {words[0]}")
    if words[0] == "ssh-rsa" and int.from_bytes(fields[-1], "big").bit_length() < _RSA_BITS:
        raise Wrong(f"a key of at least {_RSA_BITS} bits, or of type ssh-ed25519")
    return " ".join(words[:2])


def _read_key(name: object, keys: object, label: str, problems: list[str]) -> CiKey | None:
    try:
        checked = _key_name(name)
    except Wrong as wrong:
        problems.append(f"{label}: a key's name must be {wrong}")
        return None
    if not isinstance(keys, Mapping):
        problems.append(f"{label}: must be a dictionary such as {_EXAMPLE}")
        return None
    inner = f"{label}['{{}}']"
    refuse_unknown(keys, ("key", *_RULES), inner, problems)
    problems.extend(f"{inner.format(each)} is not set" for each in ("key", *_RULES) if each not in keys)
    values = read_values(keys, _RULES, inner, problems)
    try:
        public = public_key(keys.get("key"))
    except Wrong as wrong:
        # Not shown: it may be a private key that was taken for the public one.
        problems.append(f"{inner.format('key')}: must be {wrong}")
        return None
    if "subcommands" not in values:
        return None
    return CiKey(checked, _fingerprint(public), values["subcommands"], public)


def _subcommand(value: object) -> str:
    if isinstance(value, str) and value in FOR_CI:
        return value
    if isinstance(value, str) and value in ROLES["approver"]:
        raise Wrong(f"not {value!r}, which is for people: one of {', '.join(sorted(FOR_CI))}")
    near = near_miss(value, FOR_CI) if isinstance(value, str) else ""
    raise Wrong(f"one of {', '.join(sorted(FOR_CI))}{near}")


def _fields(blob: bytes) -> list[bytes]:
    """Take a public key's length-prefixed fields apart (RFC 4253, section 6.6), or raise ValueError."""
    fields = []
    while blob:
        length = int.from_bytes(blob[:4], "big")
        if len(blob) < 4 + length or not length:
            raise ValueError("cut off")
        fields.append(blob[4 : 4 + length])
        blob = blob[4 + length :]
    if len(fields) < 2:
        raise ValueError("too short")
    return fields


def _fingerprint(public: str) -> str:
    digest = hashlib.sha256(base64.b64decode(public.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


_key_name = rules.matching(
    r"[a-z0-9][a-z0-9-]{0,30}", "lower-case letters, digits and '-', not beginning with '-', at most 31"
)
_RULES: dict[str, Rule[Any]] = {"subcommands": rules.listed(_subcommand, empty=False)}
