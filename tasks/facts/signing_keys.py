"""Signing keys in their GNUPGHOME, and whether their public part is published."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote

from pyinfra.api import FactBase

# gpg's agent is not started, because it would write files. A key counts when its secret part is there too.
LOOK = """\
look() {
  echo "environment $1"; sed 's/^/imported /' "$2/imported" 2>/dev/null
  test -d "$2" || return 0
  keys=$(runuser -u "$3" -- gpg --homedir "$2" --batch --no-autostart --lock-never --trust-model always \\
    --with-colons --with-keygrip --list-keys 2>/dev/null) || return 0
  grip=$(printf '%s\\n' "$keys" | sed -n '/^grp:/ { s/^grp:*//; s/:.*//; p; q; }')
  test -e "$2/private-keys-v1.d/$grip.key" || return 0
  fingerprint=$(printf '%s\\n' "$keys" | sed -n '/^fpr:/ { s/^fpr:*//; s/:.*//; p; q; }')
  echo "fingerprint $fingerprint"
  runuser -u "$3" -- gpg --homedir "$2" --batch --no-autostart --lock-never --export "$fingerprint" |
    cmp -s - "$4" && echo published
}
"""


@dataclass(frozen=True)
class KeyState:
    """`fingerprint`: of the key whose secret part is there; `imported`: checksum of the file it came from.

    `published`: whether the public file holds just this key.
    """

    fingerprint: str | None = None
    imported: str | None = None
    published: bool = False


class SigningKeys(FactBase[dict[str, KeyState]]):
    """State of one key for each environment.

    + homes: environment -> GNUPGHOME, its owner, the public file
    """

    @staticmethod
    def default() -> dict[str, KeyState]:
        """There is no key."""
        return {}

    def command(self, homes: dict[str, list[str]]) -> str:
        """One command; it succeeds where gpg, the user or the directory does not exist yet."""
        calls = [f"look {' '.join(map(quote, (name, *home)))}" for name, home in homes.items()]
        return LOOK + "\n".join([*calls, "true"])

    def process(self, output: list[str]) -> dict[str, KeyState]:
        """Parse one block of lines for each environment."""
        blocks: dict[str, dict[str, str]] = {}
        for line in output:
            word, _, value = line.partition(" ")
            if word == "environment":
                block = blocks.setdefault(value, {})
            else:
                block[word] = value
        return {
            name: KeyState(block.get("fingerprint"), block.get("imported"), "published" in block)
            for name, block in blocks.items()
        }
