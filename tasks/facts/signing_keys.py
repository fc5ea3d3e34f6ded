"""Signing keys in their GNUPGHOME, and the public parts that clients are to trust."""

import base64
import re
from dataclasses import dataclass, field
from shlex import join

from pyinfra.api import StringCommand

from tasks.facts.command_output import Reading, Said, asked, unexpected
from tasks.signing.keyring import fingerprints

_FINGERPRINT = re.compile("[0-9A-F]{40,64}")
# gpg's agent is not started, because it would write files. A key counts when its secret part is there too.
# What gpg cannot read is not the same as no key: the next one would be made in its place.
LOOK = """\
look() {
  echo "environment $1"
  sed 's/^/use /' "$5.in-use" 2>/dev/null; echo
  [ ! -e "$5.withdrawn.gpg" ] || echo "withdrawn $(base64 -w0 "$5.withdrawn.gpg")"
  if [ -e "$5.gpg" ]; then
    echo "trusted $(base64 -w0 "$5.gpg")"
    if [ -f "$4" ] && [ "$(sha256sum <"$5.gpg")" = "$(sha256sum <"$4")" ]; then echo published; fi
  elif [ -e "$4" ]; then
    echo "trusted $(base64 -w0 "$4")"
  fi
  if ! command -v gpg >/dev/null || ! id "$3" >/dev/null 2>&1; then
    [ -z "$(ls -A "$2/private-keys-v1.d" 2>/dev/null)" ] || echo unread
    return 0
  fi
  test -d "$2" || return 0
  keys=$(runuser -u "$3" -- gpg --homedir "$2" --batch --no-autostart --lock-never --trust-model always \\
    --with-colons --with-keygrip --list-keys) || return
  ! printf '%s\\n' "$keys" | grep '^[^:][^:]*$' >&2 || return
  printf '%s\\n' "$keys" |
    awk -F: '$1 == "pub" { key = 1 } $1 == "sub" { key = 0 } $1 == "fpr" && key { fingerprint = $10 }
      $1 == "grp" && key { print $10, fingerprint; key = 0 }' |
    while read -r grip fingerprint; do
      test ! -e "$2/private-keys-v1.d/$grip.key" || echo "secret $fingerprint"
    done
}
"""


@dataclass(frozen=True)
class KeyState:
    """What an environment has of keys.

    `secret`: fingerprints of the keys whose secret part is on the server; `trusted`: of those that clients
    are to trust, which without a record of it are the published ones; `in_use`: the one that releases are
    signed with, where that is recorded; `withdrawn`: those that were trusted once; `published`: whether the
    public file is what is recorded; `unread`: whether there are secret keys that nobody can read before the
    packages and the user are there, as on a server that was set up anew from a backup.
    """

    secret: list[str] = field(default_factory=list)
    trusted: list[str] = field(default_factory=list)
    in_use: str | None = None
    withdrawn: list[str] = field(default_factory=list)
    published: bool = False
    unread: bool = False


class SigningKeys(Reading[dict[str, KeyState]]):
    """State of the keys of each environment.

    + homes: environment -> GNUPGHOME, its owner, the public file, and what root keeps about trust (path
      without ending)

    **Example:**

    .. code:: python

        host.get_fact(SigningKeys, homes={"prod": ["/var/lib/ostree-release/keys/prod", "ostree-prod"]})
    """

    subject = "gpg or the look at the keys"

    def command(self, homes: dict[str, list[str]]) -> StringCommand:
        """One command; it succeeds where gpg, the user or the directory does not exist yet."""
        calls = [f"look {join([name, *home])} || exit" for name, home in homes.items()]
        return asked(LOOK + "\n".join(calls))

    def read(self, said: Said) -> dict[str, KeyState]:
        """Parse one block of lines for each environment."""
        blocks: dict[str, dict[str, list[str]]] = {}
        block: dict[str, list[str]] | None = None
        for line in filter(str.strip, said.lines):
            word, _, value = line.partition(" ")
            if word == "environment":
                block = blocks.setdefault(value, {})
            elif block is None or not _is_ours(word, value):
                raise unexpected(line)
            else:
                block.setdefault(word, []).append(value)
        return {name: _state(name, block) for name, block in blocks.items()}


def _is_ours(word: str, value: str) -> bool:
    if word in ("secret", "use"):
        return bool(_FINGERPRINT.fullmatch(value))
    return word in ("trusted", "withdrawn", "published", "unread")


def _state(name: str, block: dict[str, list[str]]) -> KeyState:
    return KeyState(
        secret=list(dict.fromkeys(block.get("secret", []))),
        trusted=_fingerprints(name, block["trusted"][0]) if "trusted" in block else [],
        in_use=next(iter(block.get("use", [])), None),
        withdrawn=_fingerprints(name, block["withdrawn"][0]) if "withdrawn" in block else [],
        published="published" in block,
        unread="unread" in block,
    )


def _fingerprints(name: str, encoded: str) -> list[str]:
    try:
        found = fingerprints(base64.b64decode(encoded, validate=True))
    except ValueError as error:
        raise ValueError(f"found a damaged file of the keys that clients of {name} trust: {error}") from None
    if not found:
        raise ValueError(f"found no key in the file of the keys that clients of {name} trust")
    return found
