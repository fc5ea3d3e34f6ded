"""One signing key for each environment: made on the server or brought along; its public part is published."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pyinfra.api import StringCommand, operation
from pyinfra.context import host, state

from tasks.facts.signing_keys import KeyState, SigningKeys
from tasks.operations.messages import tell
from tasks.operations.remote_script import READ_CONTENT, quoted, script


@dataclass(frozen=True)
class SigningKey:
    """A key of an environment.

    `home` is its GNUPGHOME, a directory of `owner` that exists by now; `public` the file for clients.
    `source` is a file on the laptop, an exported secret key without passphrase; None: the server makes one.
    """

    environment: str
    home: str
    owner: str
    public: str
    label: str
    source: str | None = None


# Signing only, and without expiry: an expired key makes clients refuse what was signed before. Only a key
# that is brought along replaces another, which is kept beside it. A lost one is never made anew unasked:
# clients would refuse it. The agent that gpg starts would outlive the run, with sockets in the home.
PRELUDE = f"""\
set -eu; umask 077
{READ_CONTENT}\
as_owner() {{ runuser -u "$owner" -- gpg --homedir "$home" --batch --quiet "$@"; }}
stop() {{ runuser -u "$owner" -- gpgconf --homedir "$home" --kill gpg-agent || true; }}
aside() {{
  [ ! -d "$home/private-keys-v1.d" ] || mv -T -- "$home" "$home.replaced-$(date -u +%Y%m%dT%H%M%SZ)"
  rm -rf -- "$home"
}}
make() {{
  if [ -n "$(ls -A "$home/private-keys-v1.d" 2>/dev/null)" ] || [ -e "$2" ]; then
    echo "$2 was published, or $home holds keys, but there is no key to sign with: bring $home back" \
      "from the backup; or, for a new key that every client must then be given, move both away" >&2
    exit 1
  fi
  install -d -o "$owner" -g "$owner" -m 700 -- "$home"; trap stop EXIT
  as_owner --pinentry-mode loopback --passphrase '' --quick-generate-key "$1" rsa3072 sign never
}}
bring() {{
  current=$home; home=$home.new; trap 'stop; rm -rf -- "$home"' EXIT
  rm -rf -- "$home"; install -d -o "$owner" -g "$owner" -m 700 -- "$home"
  {{ read_content | as_owner --pinentry-mode loopback --passphrase '' --import &&
    echo test | as_owner --pinentry-mode loopback --passphrase '' --sign; }} >/dev/null 2>&1 || {{
    echo "$2: must be an exported secret key without passphrase; nothing was changed" >&2; exit 1; }}
  echo "$1" | runuser -u "$owner" -- tee -- "$home/imported" >/dev/null; stop; trap - EXIT
  home=$current; aside; mv -T -- "$home.new" "$home"
}}
publish() {{
  fingerprint=$(as_owner --with-colons --list-keys | sed -n '/^fpr:/ {{ s/^fpr:*//; s/:.*//; p; q; }}')
  new=$(mktemp -- "$1.XXXXXX"); as_owner --export "$fingerprint" >"$new"
  test -s "$new"; chmod 644 "$new"; mv -fT -- "$new" "$1"; stop
}}
"""


@operation()
def present(keys: list[SigningKey]) -> Generator[StringCommand, None, None]:
    """
    Make or import the keys that are missing, and publish what is not published.

    + keys: one for each environment
    """
    states = host.get_fact(SigningKeys, homes=_homes(keys))
    steps: list[str] = []
    contents: list[bytes] = []
    for key in keys:
        content = Path(key.source).expanduser().read_bytes() if key.source else None
        step = _step(key, states.get(key.environment, KeyState()), content)
        if step:
            steps.append(f"({step})")
            contents += [content] if content and " bring " in step else []
    if not steps:
        host.noop(f"{len(keys)} signing keys are there and published")
        return
    yield script("\n".join([PRELUDE, *steps]), *contents)


@operation()
def told(keys: list[SigningKey], backup: str) -> Generator[StringCommand, None, None]:
    """
    Show the fingerprints, and what to type to have a copy of the keys; changes nothing.

    + keys: one for each environment
    + backup: the command
    """
    if state.is_executing:
        states = host.get_fact(SigningKeys, homes=_homes(keys))
        for key in keys:
            fingerprint = states.get(key.environment, KeyState()).fingerprint or "none yet"
            tell(f"{key.environment}: signing key {fingerprint}")
        tell(f"Back up the keys, they cannot be made again: {backup}")
    host.noop("nothing to change")
    yield from ()


def _homes(keys: list[SigningKey]) -> dict[str, list[str]]:
    return {key.environment: [key.home, key.owner, key.public] for key in keys}


def _step(key: SigningKey, found: KeyState, content: bytes | None) -> str | None:
    origin = sha256(content).hexdigest() if content else None
    variables = f"home={quoted(key.home)}; owner={quoted(key.owner)};"
    publish = f"publish {quoted(key.public)}"
    if origin and (found.fingerprint is None or found.imported != origin):
        return f"{variables} bring {quoted(origin, str(key.source))}; {publish}"
    if found.fingerprint is None:
        return f"{variables} make {quoted(key.label, key.public)}; {publish}"
    return None if found.published else f"{variables} {publish}"
