"""Change which keys clients are to trust and which one signs, as `ostree-release keys` does on the server."""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator, Sequence
from typing import Any

from pyinfra.api import FunctionCommand, Host, QuoteString, State, StringCommand, operation

from ostree_release import text
from tasks.client.keyring import has_secret
from tasks.client.trusted import Trusting, client_lines, locked_out, mending, missed
from tasks.facts.release import CHANGED_KEYS, answer
from tasks.failures import failed
from tasks.operations.laptop_signature import sign_here
from tasks.said import asked
from tasks.words import table

Clients = Callable[[], Sequence[Trusting]]  # all of them have been heard when pyinfra executes


@operation()
def shown(keys: dict[str, Any], clients: Clients) -> Generator[FunctionCommand, None, None]:
    """Show which keys the clients trust.

    + keys: answer of the fact EnvironmentKeys
    + clients: gives the clients
    """
    yield FunctionCommand(show, (keys, clients), {})


@operation(is_idempotent=False, idempotent_notice="The server does nothing where it is so already.")
def changed(
    keys: dict[str, Any],
    action: str,
    key: str,
    clients: Clients,
    content: bytes | None = None,
    sign: str | None = None,
    force: bool = False,
) -> Generator[FunctionCommand, None, None]:
    """Introduce, use or withdraw a key.

    + keys: answer of the fact EnvironmentKeys
    + action: introduce, use or withdraw
    + key: new, - for what `content` has, or a fingerprint
    + clients: gives the clients
    + content: an exported key, or None
    + sign: fingerprint of the key on this machine that signs again what is kept, or None
    + force: withdraw though a client trusts no other key
    """
    yield FunctionCommand(change, (keys, action, key, clients, content, sign, force), {})


def show(state: State, host: Host, keys: dict[str, Any], clients: Clients) -> bool:
    """Show each client with the keys it trusts."""
    for line in client_lines(clients(), [each["fingerprint"] for each in keys["keys"]]):
        host.log(line)
    return True


def change(
    state: State,
    host: Host,
    keys: dict[str, Any],
    action: str,
    key: str,
    clients: Clients,
    content: bytes | None,
    sign: str | None,
    force: bool,
) -> bool:
    """Do it, and say which clients have to be given a key.

    Returns:
        False when it was refused, with the reason said.
    """
    to = keys["environment"]
    trusted = [each["fingerprint"] for each in keys["keys"]]
    if action == "withdraw" and not force:
        out = locked_out(clients(), [each for each in trusted if each != key])
        if out:
            return failed(
                host,
                f"{', '.join(out)} may trust no other key than {key} and would be left without updates: "
                f"{mending(out)}; or, for clients that are gone, add --data force=yes",
            )
    if sign:
        entry = next(each for each in keys["keys"] if each["fingerprint"] == sign)
        for version in entry["unsigned"]:
            if not sign_here(host, to, version, sign, {"version": version}):
                return False
    more: dict[str, Any] = {} if content is None else {"_stdin": _armored(content)}
    command = StringCommand(
        "sudo", "-n", "ostree-release", "keys", action, QuoteString(key), QuoteString(f"--to={to}"), "--json"
    )
    _, output = host.run_shell_command(asked(command), **more)
    result = answer(output.stdout_lines, "promoter", CHANGED_KEYS)
    if "error" in result:
        return failed(host, result["error"])
    for version in result.get("signed", ()):
        host.log(f"signed again: {version}")
    names = missed(clients(), result["key"]) if action != "withdraw" else []
    following = mending(names) if names else text.command(result["next"])
    late = f"; {', '.join(names)} do not trust it yet" if names else ""
    host.log_styled(f"{to}: {result['outcome']} {result['key']}{late}. Next: {following}", fg="green")
    return True


def key_lines(keys: dict[str, Any]) -> list[str]:
    """Show an environment's keys."""
    rows = [
        [
            each["fingerprint"],
            "in use" if each["in_use"] else "trusted",
            {True: "on the server", False: "elsewhere", None: "-"}[each["here"]],
            f"has not signed {', '.join(each['unsigned'])}" if each["unsigned"] else "-",
        ]
        for each in keys["keys"]
    ]
    return table([f"key of {keys['environment']}", "", "secret part", "releases"], rows)


def _armored(content: bytes) -> str:
    """Return an exported key as text, because that is what pyinfra hands to a command."""
    if content.lstrip().startswith(b"-----BEGIN PGP "):
        return content.decode("ascii", errors="replace")
    kind = "PRIVATE" if has_secret(content) else "PUBLIC"
    lines = base64.encodebytes(content).decode()
    return f"-----BEGIN PGP {kind} KEY BLOCK-----\n\n{lines}-----END PGP {kind} KEY BLOCK-----\n"
