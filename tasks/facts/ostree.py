"""Facts about what is published: the trust material on the server, and a ref as a client sees it."""

from __future__ import annotations

import base64
import binascii
from typing import TypedDict

from pyinfra.api import FactBase, QuoteString, StringCommand

from tasks.facts.sections import begin, sections
from tasks.refusals import client_reason


class Trust(TypedDict):
    """What a client needs to trust one environment. key: base64; certificate: PEM text, "" without one."""

    problem: str | None
    key: str
    certificate: str


class PublishedTrust(FactBase[Trust]):
    """Public key of an environment and the private CA's certificate, read on the server itself.

    + directory: absolute path of the published keys
    + environment: name of the environment
    """

    def command(self, directory: str, environment: str) -> StringCommand:
        key, certificate = f"{directory}/{environment}.gpg", f"{directory}/ca.crt"
        return StringCommand(
            begin("key"), ";", "base64", QuoteString(key), "2>/dev/null;",
            begin("certificate"), ";", "cat", QuoteString(certificate), "2>/dev/null;", begin("end"),
        )  # fmt: skip

    @staticmethod
    def default() -> Trust:
        return Trust(problem="the server said nothing", key="", certificate="")

    def process(self, output: list[str]) -> Trust:
        found = sections(output)
        trust = Trust(
            problem=None,
            key="".join(found["key"]),
            certificate="".join(f"{line}\n" for line in found["certificate"]),
        )
        if not trust["key"]:
            trust["problem"] = "no public key is published for it on the server: run deploy.py first"
        return trust


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
    """

    def command(self, remote: str, ref: str) -> StringCommand:
        return StringCommand(
            begin(ref), ";",
            "sudo", "-n", "ostree", "remote", "summary", QuoteString(remote), "2>&1", "||", "true",
        )  # fmt: skip

    @staticmethod
    def default() -> Published:
        return Published(problem="the client said nothing", checksum="", version="")

    def process(self, output: list[str]) -> Published:
        found = sections(output)
        if not found:
            return self.default()
        ref, lines = found.popitem()
        errors = [line for line in lines if line.startswith(("error: ", "sudo: ", "Sorry, "))]
        if errors:
            return {**self.default(), "problem": client_reason(errors)}
        entry = _entry(ref, lines)
        if not entry:
            return {**self.default(), "problem": f"the repository has no ref {ref}"}
        version = next((line.split(":", 1)[1].strip() for line in entry if line.startswith("Version ")), "")
        after = next(n for n, line in enumerate(entry) if line.startswith("Latest Commit"))
        return Published(problem=None, checksum=entry[after + 1], version=version)


def _entry(ref: str, lines: list[str]) -> list[str]:
    """Take the lines about one ref from the output of `ostree remote summary`, without their indentation."""
    entry: list[str] = []
    inside = False
    for line in lines:
        if line.startswith("* "):
            inside = line[2:].strip() == ref
        elif not line.startswith(" "):
            inside = False
        elif inside:
            entry.append(line.strip())
    return entry


def decoded(trust: Trust) -> bytes:
    """Return the key of a Trust as bytes.

    Raises:
        ValueError: it is not base64.
    """
    try:
        return base64.b64decode(trust["key"], validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
