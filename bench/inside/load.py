"""Clients that keep their connections and always have one request under way. Standard library only.

Not `ab`: over TLS it loses what a server that closes a connection has sent before, and stalls.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_STALLED = 5.0  # seconds without an answer at the end


@dataclass
class Counts:
    """What the clients of one run saw.

    + took: milliseconds of each answered request
    """

    took: list[float] = field(default_factory=list)
    not_200: int = 0
    broken: int = 0
    unreachable: int = 0
    stalled: int = 0
    connections: int = 0

    def over(self, seconds: float) -> Mapping[str, float]:
        """Return what is shown of them."""
        worst = statistics.quantiles(self.took, n=100)[-1] if len(self.took) > 1 else 0.0
        return {
            "requests a second": round(len(self.took) / seconds, 1),
            "not 200": self.not_200,
            "connections broken": self.broken,
            "not connected": self.unreachable,
            f"without an answer for {_STALLED:g} s at the end": self.stalled,
            "connections": self.connections,
            "ms of the slowest in a hundred": round(worst, 1),
        }


class Client(asyncio.Protocol):
    """One connection: asks again as soon as it is answered, until it is closed."""

    def __init__(self, request: bytes, counts: Counts) -> None:
        self._request = request
        self._counts = counts
        self._read = b""
        self._closes = False
        self.asked = 0.0
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the first time."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._counts.connections += 1
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Ask again once an answer is whole, unless the server has said that it closes the connection."""
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or not length or len(body) < int(length[1]):
            return
        self._counts.took.append((time.monotonic() - self.asked) * 1000)
        self._counts.not_200 += not head.startswith(b"HTTP/1.1 200 ")
        self._closes = bool(_CLOSES.search(head))
        if self._closes:
            self._transport.close()
        else:
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        """Count it, if nobody had said that it would be closed."""
        self._counts.broken += not self._closes
        if not self.closed.done():
            self.closed.set_result(None)

    def _ask(self) -> None:
        self._read = b""
        self.asked = time.monotonic()
        self._transport.write(self._request)


def load(url: str, clients: int, seconds: float, authority: str | None = None) -> Mapping[str, float]:
    """Keep so many clients busy for so long; returns what they saw, by name.

    + authority: file with the certificate of the one that vouches for the server
    """
    counts = Counts()
    parts = urlsplit(url)
    request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: keep-alive\r\n\r\n".encode()
    tls = ssl.create_default_context(cafile=authority) if parts.scheme == "https" else None
    asyncio.run(_all(str(parts.hostname), parts.port or 443, tls, request, counts, clients, seconds))
    return counts.over(seconds)


async def _all(
    host: str,
    port: int,
    tls: ssl.SSLContext | None,
    request: bytes,
    counts: Counts,
    clients: int,
    seconds: float,
) -> None:
    loop = asyncio.get_running_loop()
    busy: set[Client] = set()

    async def again_and_again() -> None:
        while True:
            try:
                _, client = await loop.create_connection(lambda: Client(request, counts), host, port, ssl=tls)
            except OSError:
                counts.unreachable += 1
                await asyncio.sleep(0.1)
                continue
            busy.add(client)
            await client.closed
            busy.discard(client)

    tasks = [asyncio.ensure_future(again_and_again()) for _ in range(clients)]
    await asyncio.sleep(seconds)
    counts.stalled = sum(time.monotonic() - client.asked > _STALLED for client in busy)
    before = counts.broken  # what is closed from here on is closed by us
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    counts.broken = before
