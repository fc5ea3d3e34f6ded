"""The signing keys of each environment: made on the server, brought along, or only their public parts.

What clients are to trust is kept by root and published as a copy. One key taking over from another is the
work of `ostree-release keys`; nothing here undoes it.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pyinfra.api import StringCommand, operation
from pyinfra.context import host, state

from tasks.client.keyring import dearmored, fingerprints
from tasks.facts.signing_keys import KeyState, SigningKeys
from tasks.operations.messages import tell, warn
from tasks.operations.remote_script import READ_CONTENT, quoted, refuse, script


@dataclass(frozen=True)
class SigningKey:
    """A key of an environment.

    `home` is its GNUPGHOME, a directory of `owner` that exists by now; `public` the file for clients,
    `trusted` what it is a copy of (path without ending).
    `source` is a file on the laptop: an exported secret key without passphrase (None: the server makes one),
    or, `offline`, the public part of a key that the server never has.
    """

    environment: str
    home: str
    owner: str
    public: str
    trusted: str
    label: str
    source: str | None = None
    offline: bool = False


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
put() {{
  new=$(mktemp -- "$1.XXXXXX"); cat >"$new"
  test -s "$new"; chmod 644 "$new"; mv -fT -- "$new" "$1"
}}
trust() {{
  fingerprint=$(as_owner --with-colons --list-keys | sed -n '/^fpr:/ {{ s/^fpr:*//; s/:.*//; p; q; }}')
  as_owner --export "$fingerprint" | put "$1.gpg"; rm -f -- "$1.in-use"; stop
}}
trust_given() {{
  if [ -e "$2" ]; then read_content >/dev/null; put "$1.gpg" <"$2"; else read_content | put "$1.gpg"; fi
}}
publish() {{ put "$2" <"$1.gpg"; }}
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
        found = states.get(key.environment, KeyState())
        if key.offline and found.secret:
            yield refuse(_secret_here(key, found))
            return
        step, content = _step(key, found)
        if step:
            steps.append(f"({step})")
            contents += content
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
            for line in _told(key, states.get(key.environment, KeyState())):
                tell(line)
            strange = _not_trusted(key, states.get(key.environment, KeyState()))
            if strange:
                warn(strange)
        tell(f"Back up the keys, they cannot be made again: {backup}")
    host.noop("nothing to change")
    yield from ()


def _homes(keys: list[SigningKey]) -> dict[str, list[str]]:
    return {key.environment: [key.home, key.owner, key.public, key.trusted] for key in keys}


def _step(key: SigningKey, found: KeyState) -> tuple[str | None, list[bytes]]:
    """Return what is to be done for an environment, and the content that it reads."""
    content = Path(key.source).expanduser().read_bytes() if key.source else b""
    publish = f"publish {quoted(key.trusted, key.public)}"
    if key.offline:
        if found.trusted:
            return (None if found.published else publish), []
        return f"trust_given {quoted(key.trusted, key.public)}; {publish}", [dearmored(content)]
    variables = f"home={quoted(key.home)}; owner={quoted(key.owner)};"
    trust = f"trust {quoted(key.trusted)}; {publish}"
    origin = sha256(content).hexdigest()
    if content and (not found.secret or found.imported != origin):
        return f"{variables} bring {quoted(origin, str(key.source))}; {trust}", [content]
    if not found.secret:
        return f"{variables} make {quoted(key.label, key.public)}; {trust}", []
    if not found.trusted:
        return f"{variables} {trust}", []
    return (None if found.published else publish), []


def _secret_here(key: SigningKey, found: KeyState) -> str:
    return (
        f"{key.environment} is signed offline, but {key.home} has the secret part of {found.secret[0]}: let "
        f"the offline key take over first (tasks/keys.py --data to={key.environment}: introduce, use, "
        f"withdraw), or, if clients trust another key already, move {key.home} away"
    )


def _told(key: SigningKey, found: KeyState) -> list[str]:
    in_use = found.in_use or next(iter(found.trusted), "none yet")
    where = "signed offline with" if key.offline else "signing key"
    others = [each for each in found.trusted if each != in_use]
    return [
        f"{key.environment}: {where} {in_use}",
        *(f"{key.environment}: {each} is trusted too" for each in others),
    ]


def _not_trusted(key: SigningKey, found: KeyState) -> str | None:
    """Say that the settings name an offline key that clients are not given; deploy.py undoes no rotation."""
    if not key.offline or key.source is None:
        return None
    strange = set(fingerprints(dearmored(Path(key.source).expanduser().read_bytes()))) - set(found.trusted)
    if not strange:
        return None
    introduce = f"tasks/keys.py --data to={key.environment} --data {quoted(f'introduce={key.source}')}"
    return (
        f"{key.environment}: {key.source} holds {min(strange)}, which is not published: a new key comes with "
        f"{introduce}; else name the file of the key in use as signing_key"
    )
