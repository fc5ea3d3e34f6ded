"""The web server: one for all tests of a process, each of which lets it serve its own directory."""

from __future__ import annotations

import functools
import http.server
import ssl
import threading
from pathlib import Path
from typing import Any


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or every answer waits 40 ms for the client to acknowledge its head

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the name in the base class
        pass


class _Web(http.server.ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that refuses the certificate is what some tests are about


def serve(directory: Path, certificates: Path) -> int:
    """Serve a directory and no other; returns the port. certificates: where server.crt and server.key are."""
    web = _started(certificates)
    web.RequestHandlerClass = functools.partial(_Handler, directory=str(directory))
    port: int = web.server_address[1]
    return port


@functools.cache
def _started(certificates: Path) -> _Web:
    web = _Web(("127.0.0.1", 0), _Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.crt", certificates / "server.key")
    web.socket = context.wrap_socket(web.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    return web
