"""The smoke pull: fetch a release over HTTPS as a client would, trusting only what a client trusts.

What a client would find wrong is said in one clear line, found by asking in the order in which a client
depends on it: the name, the port, the certificate, the web server's answer, then the release itself.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from urllib.parse import urlsplit

from ..config import Config, Environment, Ring
from ..context import Context
from ..errors import Refused
from ..model import Commit
from ..repository.client import Client
from ..signing import gpg

_TIMEOUT = 20.0  # seconds for a connection or an answer


def smoke_pull(context: Context, environment: Environment, ref: str, release: Commit) -> None:
    """Pull a published release into the environment's scratch repository; refuses if that fails."""
    context.say(f"Smoke pull of {ref} from {environment.url}")
    reach(environment.url, context.config)
    scratch = Client(context.config.state / "smoke" / environment.name)
    scratch.trust(environment.url, environment.public_key, context.config.ca_file)
    try:
        checksum = scratch.pull(ref)
    except Refused as refusal:
        raise Refused(f"smoke pull from {environment.url}: {refusal}; no ring was moved") from refusal
    if checksum != release.checksum:
        raise Refused(
            f"smoke pull from {environment.url}: {ref} is {checksum} there, not {release.checksum}; "
            "no ring was moved"
        )
    keys = gpg.fingerprints(environment.public_key)
    if not scratch.signed_by(checksum, environment.public_key, keys):
        raise Refused(
            f"smoke pull from {environment.url}: {release.version} is not signed with the key that "
            f"{environment.name}'s clients trust; no ring was moved"
        )


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
    unmoved = "no ring was moved"
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Refused(
            f"{failed}: this server cannot resolve the name {host} ({error.strerror}); {unmoved}: "
            "make it resolvable here, or set another public name"
        ) from error
    try:
        trust = ssl.create_default_context(cafile=str(config.ca_file) if config.ca_file else None)
    except OSError as error:
        raise Refused(f"{failed}: CA file {config.ca_file}: {error.strerror}; {unmoved}") from error
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Python 3.13 is stricter here than the clients' libcurl
    connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT, context=trust)
    try:
        connection.request("GET", f"{parts.path}/config")
        status = connection.getresponse().status
    except ssl.SSLError as error:
        reason = getattr(error, "verify_message", "") or error.reason or str(error)
        raise Refused(f"{failed}: TLS: {reason}; {unmoved}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Refused(f"{failed}: {host} port {port}: {reason}; {unmoved}") from error
    finally:
        connection.close()
    if status != http.client.OK:
        raise Refused(f"{failed}: HTTP status {status} for {parts.path}/config; {unmoved}")
