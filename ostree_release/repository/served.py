"""Objects as a web server hands them out: fetched with a client's trust, each compared with its checksum."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from ..parallel import on_all_cores
from .objects import Object, checksum
from .stored import DAMAGED, MISSING

_CONNECTIONS = 4  # of each process: most of the time, one of them waits for the server
_PIECE = 1 << 20  # bytes read at a time
_TRIES = 2  # a server may have closed a connection that nothing was asked on for a while


def fault(
    url: str, trust: ssl.SSLContext, timeout: float, wanted: Sequence[Object]
) -> tuple[Object, str] | None:
    """Fetch objects from a repository; returns the first that is not as it should be with what is wrong.

    + url: of the repository, https
    + timeout: seconds for a connection or an answer
    """

    def fetched(share: Sequence[Object]) -> Iterator[tuple[str, str, str]]:
        connections = _Connections(url, trust, timeout)
        with ThreadPoolExecutor(_CONNECTIONS) as threads:
            for each, what in zip(share, threads.map(connections.fault, share)):
                if what:
                    yield each.checksum, each.kind, what

    with contextlib.closing(on_all_cores(fetched, wanted)) as found:
        for named, kind, what in found:
            return Object(named, kind), what
    return None


class _Connections:
    """One kept-alive connection for each thread."""

    def __init__(self, url: str, trust: ssl.SSLContext, timeout: float) -> None:
        self._url, self._trust, self._timeout = urlsplit(url), trust, timeout
        self._of = threading.local()
        self._failed = False

    def fault(self, wanted: Object) -> str | None:
        """Fetch an object; returns what is wrong with it, or None, as after the first fault."""
        what = None if self._failed else self._tried(wanted)
        self._failed |= what is not None
        return what

    def _tried(self, wanted: Object) -> str | None:
        for left in reversed(range(_TRIES)):
            try:
                return self._fetched(wanted)
            except (OSError, http.client.HTTPException) as error:
                self._of.connection.close()  # opened again by the next request
                if not left:
                    return (
                        f"not to be had ({getattr(error, 'strerror', None) or error or type(error).__name__})"
                    )
        return None

    def _fetched(self, wanted: Object) -> str | None:
        if not hasattr(self._of, "connection"):
            host, port = self._url.hostname or "", self._url.port
            self._of.connection = http.client.HTTPSConnection(
                host, port, timeout=self._timeout, context=self._trust
            )
        self._of.connection.request("GET", f"{self._url.path}/{wanted.path}")
        response = self._of.connection.getresponse()
        if response.status != http.client.OK:
            self._of.connection.close()
            return MISSING if response.status == http.client.NOT_FOUND else f"HTTP status {response.status}"
        try:
            found = checksum(wanted.kind, iter(lambda: response.read(_PIECE), b""))
        except ValueError:
            found = DAMAGED
        if found != wanted.checksum or not response.isclosed():
            self._of.connection.close()  # whatever else it has to say is not read
        return None if found == wanted.checksum else DAMAGED
