"""Facts about what is published: the trust material on the server, and a ref as a client sees it."""

import base64
import re
import ssl
from itertools import takewhile
from shlex import quote
from typing import TypedDict

from pyinfra.api import FactBase, StringCommand

from tasks.facts.command_output import asked, check_absent, reply
from tasks.facts.documents import quoted
from tasks.facts.error_messages import client_reason
from tasks.facts.sections import begin, sections
from tasks.signing.keyring import fingerprints


class Trust(TypedDict):
    """What a client needs to trust one environment.

    + key: base64
    + certificate: PEM text, "" without one
    """

    problem: str | None
    key: str
    certificate: str


class PublishedTrust(FactBase[Trust]):
    """Public key of an environment and the private CA's certificate, read on the server itself.

    + directory: absolute path of the published keys
    + environment: name of the environment

    **Example:**

    .. code:: python

        host.get_fact(PublishedTrust, directory="/srv/ostree/rpm-ostree/keys", environment="prod")
    """

    def command(self, directory: str, environment: str) -> StringCommand:
        key, certificate = f"{directory}/{environment}.gpg", f"{directory}/ca.crt"
        return asked(
            f"{begin('key')} ; base64 {quote(key)} || [ $? = 1 ] || exit;"
            f" {begin('certificate')} ; cat {quote(certificate)} || [ $? = 1 ]"
        )

    @staticmethod
    def default() -> Trust:
        return Trust(problem="the server said nothing", key="", certificate="")

    def process(self, output: list[str]) -> Trust:
        try:
            said = reply(output)
            if said.status:
                raise ValueError(f"cannot give what it publishes: {client_reason(said.words)}")
            check_absent(said, "base64", "cat")
            found = sections(said.lines, "key", "certificate")
            key, certificate = "".join(found["key"]), "".join(f"{line}\n" for line in found["certificate"])
            if not key:
                problem = "no public key is published for it on the server: run deploy.py first"
                return {**self.default(), "problem": problem}
            _check_key(key)
            if certificate:
                _check_certificate(certificate)
        except ValueError as error:
            return {**self.default(), "problem": f"the server {error}"}
        return Trust(problem=None, key=key, certificate=certificate)


def _check_key(encoded: str) -> None:
    try:
        found = fingerprints(base64.b64decode(encoded, validate=True))
    except ValueError as error:
        raise ValueError(f"gave a public key that is none, or not all of it: {error}") from None
    if not found:
        raise ValueError("gave a file of public keys with none in it")


def _check_certificate(text: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(
            cadata=text.encode("ascii", errors="replace").decode()
        )
    except (ssl.SSLError, ValueError) as error:
        raise ValueError(f"gave a certificate of its CA that is none, or not all of it: {error}") from None


class Published(TypedDict):
    """What a ref names right now. timestamp: as ostree prints it."""

    problem: str | None
    checksum: str
    version: str


class PublishedRef(FactBase[Published]):
    """What a client's remote serves under a ref: fetched by the client, with its own trust, over the network.

    + remote: name of the remote on the client
    + ref: the ref

    Source: `ostree remote summary`.

    **Example:**

    .. code:: python

        host.get_fact(PublishedRef, remote="kinoite-prod", ref="fedora/x86_64/kinoite/stable")
    """

    def command(self, remote: str, ref: str) -> StringCommand:
        return asked(f"{begin(ref)} ; sudo -n ostree remote summary {quote(remote)}")

    @staticmethod
    def default() -> Published:
        return Published(problem="the client said nothing", checksum="", version="")

    def process(self, output: list[str]) -> Published:
        try:
            said = reply(output)
            ref = next(iter(sections(said.lines)), "")
            lines = sections(said.lines, ref)[ref]
        except ValueError as error:
            return {**self.default(), "problem": f"the client {error}"}
        if said.status:
            return {**self.default(), "problem": client_reason(said.errors or lines)}
        try:
            checksum, version = _named(ref, lines)
        except ValueError as error:
            return {**self.default(), "problem": str(error)}
        return Published(problem=None, checksum=checksum, version=version)


def _named(ref: str, lines: list[str]) -> tuple[str, str]:
    """Find the commit and the version that a ref has in the output of `ostree remote summary`."""
    entry = _entry(ref, lines)
    if not entry and _is_whole(lines):
        raise ValueError(f"the repository has no ref {ref}")
    after = next((number for number, line in enumerate(entry, 1) if line.startswith("Latest Commit")), None)
    checksum = entry[after] if after is not None and after < len(entry) else ""
    if not re.fullmatch("[0-9a-f]{64}", checksum) or not _is_whole(lines):
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        raise ValueError(f"ostree remote summary printed no whole summary: it ends with {quoted(last)}")
    version = next((line.partition(":")[2].strip() for line in entry if line.startswith("Version ")), "")
    return checksum, version


def _is_whole(lines: list[str]) -> bool:
    """Say whether a summary is there to its end: after the refs, it says what it is itself."""
    return any("(ostree.summary." in line and not line.startswith(" ") for line in lines[-4:])


def _entry(ref: str, lines: list[str]) -> list[str]:
    """Take the lines about one ref from the output of `ostree remote summary`, without their indentation."""
    start = next((n for n, line in enumerate(lines, 1) if line[:2] == "* " and line[2:].strip() == ref), None)
    below = [] if start is None else takewhile(lambda line: line.startswith(" "), lines[start:])
    return [line.strip() for line in below]
