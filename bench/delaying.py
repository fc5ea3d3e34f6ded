"""A TCP proxy that delays what it passes on: a long line to a server that is in fact here."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def delaying(port: int, seconds: float) -> Iterator[int]:
    """Pass connections on to a port of this machine, and yield the port that takes them.

    + seconds: of delay in either direction, half of a round trip
    """
    loop = asyncio.new_event_loop()
    listening = threading.Event()
    ports: list[int] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _connect(reader, writer, port, seconds)

    async def listen() -> None:
        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        listening.set()

    def serve() -> None:
        loop.run_until_complete(listen())
        loop.run_forever()
        for task in asyncio.all_tasks(loop):  # of connections that nobody has closed
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    listening.wait()
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _connect(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, seconds: float
) -> None:
    other_reader, other_writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(_pass_on(reader, other_writer, seconds), _pass_on(other_reader, writer, seconds))
    for each in (writer, other_writer):
        asyncio.get_running_loop().call_later(seconds, each.close)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            loop.call_later(seconds, writer.write, data)
    loop.call_later(seconds, _end, writer)


def _end(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # the other side has ended already
        writer.write_eof()
