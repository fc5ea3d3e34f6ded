"""What other programs say when they refuse, as one line for a person. Pure functions."""

import re
from collections.abc import Sequence

_SUDO = re.compile(
    r"^(sudo: (a password is required|a terminal is required|interactive authentication)|Sorry, user )"
)
_ABSENT = re.compile(r"^sudo: (unknown user|.*: command not found)|: not found$|No such file or directory$")

_MAY_NOT = {
    "composer": "may not compose on this server (ostree_composers names those",
    "promoter": "may not promote on this server (ostree_promoters names those",
    "approver": "may not approve or hold on this server (ostree_approvers names those",
    "reader": "may not do this on this server (ostree_composers, _promoters and _approvers name those",
}

# Beginnings of rpm-ostree's and libostree's errors -> what a person should know first.
_CLIENT_HINTS = (
    (r"Transaction in progress: (?P<what>.*)", "busy: another rpm-ostree transaction is running ({what})"),
    (
        r"public key not found|GPG verification enabled, but no signatures|BAD signature",
        "signature not accepted",
    ),
    (r"While fetching .*(\[60\]|\[77\]|certificate)", "TLS certificate not accepted"),
    (r"While fetching .*(\[(6|7|28)\]|timed out)", "repository unreachable"),
    (r"HTTP 40[0-9]|No such branch", "not in the repository"),
    (r"No space left|min-free-(space|percent)|would be exceeded", "disk full"),
    (r"chronologically older", "older than what it has"),
    (r"Updates and deployments are driven by", "updates belong to another program"),
)


def joined(lines: Sequence[str]) -> str:
    """Join non-empty lines to one, single spaces between words."""
    return " ".join(" ".join(lines).split())


def server_reason(lines: Sequence[str], role: str) -> str:
    """Give the reason why `ostree-release` did nothing.

    + lines: what the command printed, its last lines last
    + role: "composer", "promoter" or "approver", whose entry point was called, or "reader" for any

    Returns one line: the program's own, or what sudo's refusal means here.
    """
    said = [line.strip() for line in lines if line.strip()]
    own = [line.removeprefix("ostree-release: ") for line in said if line.startswith("ostree-release: ")]
    if own:
        return own[-1]
    for line in said:
        if _SUDO.match(line):
            return f"this login {_MAY_NOT[role]} who may)"
        if _ABSENT.search(line):
            return "ostree-release is not installed here: run deploy.py first"
    return said[-1] if said else "ostree-release failed without a word: look at its journal on the server"


def client_reason(lines: Sequence[str]) -> str:
    """Give the reason why rpm-ostree or ostree failed on a client.

    + lines: its standard error, or all it printed

    Returns one line: what it means, then what the program said from its "error:" on.
    """
    said = [line.strip() for line in lines if line.strip()]
    if any(_SUDO.match(line) for line in said):
        return "this login has no passwordless sudo on the client"
    start = next((n for n, line in enumerate(said) if line.startswith("error: ")), None)
    if start is None:
        return said[-1] if said else "the command failed without a word"
    text = joined(said[start:]).removeprefix("error: ")
    for pattern, meaning in _CLIENT_HINTS:
        found = re.search(pattern, text)
        if found and "what" in found.groupdict():
            return meaning.format(what=found["what"].split(" You can cancel")[0].strip())
        if found:
            return f"{meaning}: {text}"
    return text
