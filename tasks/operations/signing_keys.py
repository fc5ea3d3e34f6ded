"""The signing keys of each environment: made on the server, brought along, or only their public parts.

What clients are to trust is kept by root and published as a copy. One key taking over from another is the
work of `ostree-release keys`; nothing here undoes it (see `tasks.operations.key_decision`).
"""

from pathlib import Path

from pyinfra.api import operation
from pyinfra.context import host, state

from tasks.facts.signing_keys import KeyState, SigningKeys
from tasks.facts.together import known
from tasks.operations.key_decision import KeyRefused, SigningKey, Step, decide, in_use, introducing
from tasks.operations.remote_script import READ_CONTENT, Commands, quoted, refuse, script
from tasks.pyinfra_gaps.messages import tell, warn
from tasks.signing.keyring import PrimaryKey, dearmored, primary_keys

# Signing only, and without expiry: an expired key makes clients refuse what was signed before. A key that is
# brought along is tried in a home of its own; what it replaces, which nobody trusts, is kept beside it. A
# lost one is never made anew unasked: clients would refuse it. The agent that gpg starts would outlive the
# run, with sockets in the home.
PRELUDE = f"""\
set -eu; umask 077
{READ_CONTENT}\
as_owner() {{ runuser -u "$owner" -- gpg --homedir "$home" --batch --quiet "$@"; }}
stop() {{ runuser -u "$owner" -- gpgconf --homedir "${{1:-$home}}" --kill gpg-agent || true; }}
aside() {{
  [ ! -d "$home/private-keys-v1.d" ] || mv -T -- "$home" "$home.replaced-$(date -u +%Y%m%dT%H%M%SZ)"
  rm -rf -- "$home"
}}
make() {{
  if [ -n "$(ls -A "$home/private-keys-v1.d" 2>/dev/null)" ]; then
    echo "$home holds keys, but none to sign with: bring it back from the backup, or move it away" >&2
    exit 1
  fi
  install -d -o "$owner" -g "$owner" -m 700 -- "$home"; trap stop EXIT
  as_owner --pinentry-mode loopback --passphrase '' --quick-generate-key "$1" rsa3072 sign never
}}
try_given() {{
  current=$home; home=$home.new; trap 'stop; rm -rf -- "$home"' EXIT
  rm -rf -- "$home"; install -d -o "$owner" -g "$owner" -m 700 -- "$home"
  {{ read_content | as_owner --pinentry-mode loopback --passphrase '' --import &&
    echo test | as_owner --pinentry-mode loopback --passphrase '' --sign; }} >/dev/null 2>&1 || {{
    echo "$1: must be an exported secret key without passphrase; nothing was changed" >&2; exit 1; }}
  stop; trap - EXIT
  home=$current
}}
bring() {{
  try_given "$1"; aside; mv -T -- "$home.new" "$home"
}}
give_back() {{
  try_given "$1"; trap 'stop; stop "$home.new"; rm -rf -- "$home.new"' EXIT
  install -d -o "$owner" -g "$owner" -m 700 -- "$home"
  (home=$home.new; as_owner --pinentry-mode loopback --passphrase '' --export-secret-keys) |
    as_owner --pinentry-mode loopback --passphrase '' --import
}}
put() {{
  new=$(mktemp -- "$1.XXXXXX"); cat >"$new"
  test -s "$new"; chmod 644 "$new"; mv -fT -- "$new" "$1"
}}
trust() {{
  fingerprint=$(as_owner --with-colons --list-keys | sed -n '/^fpr:/ {{ s/^fpr:*//; s/:.*//; p; q; }}')
  as_owner --export "$fingerprint" | put "$1.gpg"; rm -f -- "$1.in-use"; stop
}}
trust_given() {{ read_content | put "$1.gpg"; }}
publish() {{ [ -e "$1.gpg" ] || put "$1.gpg" <"$2"; put "$2" <"$1.gpg"; }}
"""


@operation()
def present(keys: list[SigningKey]) -> Commands:
    """
    Make or import the keys that are missing, and publish what is not published.

    + keys: one for each environment

    **Example:**

    .. code:: python

        signing_keys.present(name="Keys", keys=keys)
    """
    states = known(SigningKeys, homes=homes(keys))
    steps: list[str] = []
    contents: list[bytes] = []
    try:
        for key in keys:
            step, content = _step(key, states.get(key.environment, KeyState()))
            if step:
                steps.append(f"({step})")
                contents += content
    except KeyRefused as refusal:
        yield refuse(str(refusal))
        return
    if not steps:
        host.noop(f"{len(keys)} signing keys are there and published")
        return
    yield script("\n".join([PRELUDE, *steps]), *contents)


@operation()
def told(keys: list[SigningKey], backup: str) -> Commands:
    """
    Show the fingerprints, and what to type to have a copy of the keys; changes nothing.

    + keys: one for each environment
    + backup: the command

    **Example:**

    .. code:: python

        signing_keys.told(name="Fingerprints and backup", keys=keys, backup="ssh images.example.org ...")
    """
    states = known(SigningKeys, homes=homes(keys))
    if state.is_executing:
        for key in keys:
            found = states.get(key.environment, KeyState())
            for line in _told(key, found):
                tell(line)
            if strange := _another(key, found):
                warn(strange)
        tell(f"Back up the keys, they cannot be made again: {backup}")
    host.noop("nothing to change")
    yield from ()


def homes(keys: list[SigningKey]) -> dict[str, list[str]]:
    """Return what the fact SigningKeys is asked about."""
    return {key.environment: [key.home, key.owner, key.public, key.trusted] for key in keys}


def given(key: SigningKey) -> list[PrimaryKey]:
    """Return the keys in the file that the settings name; none where it is no export."""
    try:
        return primary_keys(dearmored(_content(key)))
    except ValueError:
        return []


def _content(key: SigningKey) -> bytes:
    return Path(key.source).expanduser().read_bytes() if key.source else b""


def _step(key: SigningKey, found: KeyState) -> tuple[str | None, list[bytes]]:
    """Return what is to be done for an environment, and the content that it reads."""
    variables = f"home={quoted(key.home)}; owner={quoted(key.owner)};"
    publish = f"publish {quoted(key.trusted, key.public)}"
    trust = f"trust {quoted(key.trusted)}; {publish}"
    step = decide(key, given(key), found)
    if step is Step.NOTHING:
        return None, []
    if step is Step.MAKE:
        return f"{variables} make {quoted(key.label)}; {trust}", []
    if step is Step.TRUST:
        return f"{variables} {trust}", []
    if step is Step.BRING:
        return f"{variables} bring {quoted(str(key.source))}; {trust}", [_content(key)]
    if step is Step.GIVE_BACK:
        return f"{variables} give_back {quoted(str(key.source))}; {publish}", [_content(key)]
    if step is Step.TRUST_GIVEN:
        return f"trust_given {quoted(key.trusted)}; {publish}", [dearmored(_content(key))]
    return publish, []


def _told(key: SigningKey, found: KeyState) -> list[str]:
    used = in_use(found) or next(iter(found.trusted), "none yet")
    where = "signed offline with" if key.offline else "signing key"
    others = [each for each in found.trusted if each != used]
    return [
        f"{key.environment}: {where} {used}",
        *(f"{key.environment}: {each} is trusted too" for each in others),
    ]


def _another(key: SigningKey, found: KeyState) -> str | None:
    """Say that the settings name another key than the one in use; deploy.py undoes no rotation."""
    named = {each.fingerprint for each in given(key)}
    if not named - set(found.trusted):
        used = in_use(found)
        if not named or used is None or used in named:
            return None
        return (
            f"{key.environment}: {key.source} holds {min(named)}, but {used} is in use: name its file as "
            "signing_key"
        )
    introduce = introducing(key.environment, str(key.source))
    return (
        f"{key.environment}: {key.source} holds {min(named - set(found.trusted))}, which is not published: a "
        f"new key comes with {introduce}; else name the file of the key in use as signing_key"
    )
