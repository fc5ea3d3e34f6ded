"""The CI's SSH keys, as group data describes them: which key may run which subcommands."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paramiko import PKey, SSHException

from ostree_release import config
from ostree_release.access.allowed_subcommands import FOR_CI, ROLES
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
        raise Parts(*problems)
    return tuple(found)


def public_key(value: object) -> PKey:
    """A public key as a .pub file has it."""
    words = value.split() if isinstance(value, str) and value.isprintable() else []
    if len(words) < 2 or words[0] not in TYPES:
        raise Wrong(f"a line of a .pub file, without options, of type {', '.join(TYPES[:-1])} or {TYPES[-1]}")
    try:
        blob = base64.b64decode(words[1], validate=True)
        key = PKey.from_type_string(words[0], blob)
    except (SSHException, ValueError, OverflowError):
        blob = b""
    if not blob or key.asbytes() != blob:
        raise Wrong(f"a line of a .pub file as it was made: its second word is not a key of type {words[0]}")
    if words[0] == "ssh-rsa" and key.get_bits() < _RSA_BITS:
        raise Wrong(f"a key of at least {_RSA_BITS} bits, or of type ssh-ed25519")
    return key


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
    line = f"{public.get_name()} {public.get_base64()}"
    return CiKey(checked, public.fingerprint, values["subcommands"], line)


def _subcommand(value: object) -> str:
    if isinstance(value, str) and value in FOR_CI:
        return value
    if isinstance(value, str) and value in ROLES["approver"]:
        raise Wrong(f"not {value!r}, which is for people: one of {', '.join(sorted(FOR_CI))}")
    near = near_miss(value, FOR_CI) if isinstance(value, str) else ""
    raise Wrong(f"one of {', '.join(sorted(FOR_CI))}{near}")


_key_name = rules.matching(
    r"[a-z0-9][a-z0-9-]{0,30}", "lower-case letters, digits and '-', not beginning with '-', at most 31"
)
_RULES: dict[str, Rule[Any]] = {"subcommands": rules.listed(_subcommand, empty=False)}
