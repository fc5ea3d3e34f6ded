"""The smoke pull: fetch a release over HTTPS as a client would, trusting only what a client trusts.

What a client would find wrong is said in one clear line, found by asking in the order in which a client
depends on it: the name, the port, the certificate, the web server's answer, then the release itself.
"""

from __future__ import annotations

import http.client
import random
import socket
import ssl
from urllib.parse import urlsplit

from ..config import Config, Environment, Ring
from ..context import Context
from ..errors import Refused
from ..model import Commit
from ..repository import served, stored
from ..repository.client import Client
from ..repository.objects import Object
from ..repository.reading import Repository
from ..signing import gpg

_TIMEOUT = 20.0  # seconds for a connection or an answer
_UNMOVED = "no ring was moved"


def smoke_pull(
    context: Context, environment: Environment, ref: str, release: Commit, tip: Commit | None
) -> None:
    """Pull a published release as a client would; refuses if that fails.

    + tip: what the ring has that is to move to it

    The commit is pulled with its signature verified. Of its objects are fetched all that the ring's clients
    do not have, and a sample of the others, chosen anew each time. For a ring without a release these are the
    lists of directories and their attributes, and that many files.
    """
    failed = f"smoke pull from {environment.url}"
    context.say(f"Smoke pull of {ref} from {environment.url}")
    reach(environment.url, context.config)
    scratch = Client(context.config.state / "smoke" / environment.name)
    scratch.trust(environment.url, environment.public_key, context.config.ca_file)
    try:
        checksum = scratch.pull_commit(ref)
    except Refused as refusal:
        raise Refused(f"{failed}: {refusal}; {_UNMOVED}") from refusal
    if checksum != release.checksum:
        raise Refused(f"{failed}: {ref} is {checksum} there, not {release.checksum}; {_UNMOVED}")
    keys = gpg.fingerprints(environment.public_key)
    if not scratch.signed_by(checksum, environment.public_key, keys):
        raise Refused(
            f"{failed}: {release.version} is not signed with the key that {environment.name}'s clients trust;"
            f" {_UNMOVED}"
        )
    wanted = chosen(Repository(environment.repository), release, tip, context.config.smoke_sample)
    trust = _trust(environment.url, context.config)
    try:
        found = served.fault(environment.url, trust, _TIMEOUT, list(wanted))
    except Refused as refusal:
        raise Refused(f"{failed}: {refusal}; {_UNMOVED}") from refusal
    if found:
        each, what = found
        line = f"object of {wanted[each]} is {what} there ({each.checksum}.{each.kind})"
        raise Refused(f"{failed}: {line}; {_UNMOVED}")


def chosen(repository: Repository, release: Commit, tip: Commit | None, sample: int) -> dict[Object, str]:
    """Return the objects of a release that a smoke pull fetches, each with its path.

    + tip: what the ring has
    + sample: how many of those that are not new
    """
    root = repository.root(release.checksum)
    objects = stored.reached(root).objects
    if tip and repository.has(tip.checksum):
        new = stored.reached(root, repository.root(tip.checksum)).objects
    else:
        new = {each: path for each, path in objects.items() if each.kind != "file"}
    others = [each for each in objects if each not in new]
    for each in random.SystemRandom().sample(others, min(sample, len(others))):
        new[each] = objects[each]
    return new


def check_served(context: Context, environment: Environment, ring: Ring, release: Commit) -> None:
    """Look, after a smoke pull, at the summary that clients get; refuses if it has not the ring there."""
    scratch = Client(context.config.state / "smoke" / environment.name)
    served = scratch.served_summary().get(ring.ref)
    if served != release.checksum:
        raise Refused(
            f"{environment.url}: serves {served or 'nothing'} as {ring.ref}, not {release.checksum} "
            "that it was moved to: is a cache, or another directory, behind this URL?"
        )


def reach(url: str, config: Config) -> None:
    """Ask the web server for the repository's configuration with a client's trust; refuses if that fails."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    failed = f"smoke pull from {url}"
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Refused(
            f"{failed}: this server cannot resolve the name {host} ({error.strerror}); {_UNMOVED}: "
            "make it resolvable here, or set another public name"
        ) from error
    trust = _trust(url, config)
    connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT, context=trust)
    try:
        connection.request("GET", f"{parts.path}/config")
        status = connection.getresponse().status
    except ssl.SSLError as error:
        reason = getattr(error, "verify_message", "") or error.reason or str(error)
        raise Refused(f"{failed}: TLS: {reason}; {_UNMOVED}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Refused(f"{failed}: {host} port {port}: {reason}; {_UNMOVED}") from error
    finally:
        connection.close()
    if status != http.client.OK:
        raise Refused(f"{failed}: HTTP status {status} for {parts.path}/config; {_UNMOVED}")


def _trust(url: str, config: Config) -> ssl.SSLContext:
    """Return a client's trust."""
    try:
        trust = ssl.create_default_context(cafile=str(config.ca_file) if config.ca_file else None)
    except OSError as error:
        raise Refused(
            f"smoke pull from {url}: CA file {config.ca_file}: {error.strerror}; {_UNMOVED}"
        ) from error
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Python 3.13 is stricter here than the clients' libcurl
    return trust
