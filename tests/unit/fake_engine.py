"""A container engine that only answers: its API on a socket, as Docker and Podman were recorded to answer."""

from __future__ import annotations

import json
import re
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Answers:
    """What an engine says of itself, and whatever else it is asked for: path -> body."""

    version: Mapping[str, Any]
    info: Mapping[str, Any]
    more: Mapping[str, bytes] = field(default_factory=dict)

    def but(
        self, version: Mapping[str, Any], info: Mapping[str, Any], more: Mapping[str, bytes] | None = None
    ) -> Answers:
        """Return the answers of an engine that differs in these."""
        return Answers({**self.version, **version}, {**self.info, **info}, {**self.more, **(more or {})})

    def to(self, path: str) -> bytes:
        """Return the body that answers a path; KeyError for what is not there."""
        known: dict[str, Any] = {
            "/_ping": "OK",
            "/version": self.version,
            "/info": self.info,
            "/containers/json": [],
            "/images/json": [],
            "/networks": [],
            "/volumes": {"Volumes": []},
        }
        return self.more[path] if path in self.more else json.dumps(known[path]).encode()


DOCKER = Answers(
    {"Version": "26.1.5", "ApiVersion": "1.45", "MinAPIVersion": "1.24", "Components": [{"Name": "Engine"}]},
    {
        "ServerVersion": "26.1.5",
        "OSType": "linux",
        "Driver": "overlay2",
        "CgroupDriver": "systemd",
        "CgroupVersion": "2",
        "DockerRootDir": "/nowhere",
        "SecurityOptions": ["name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"],
    },
)
PODMAN = Answers(
    {
        "Version": "4.3.1",
        "ApiVersion": "1.41",
        "MinAPIVersion": "1.24",
        "Components": [{"Name": "Podman Engine"}, {"Name": "Conmon"}, {"Name": "OCI Runtime (crun)"}],
    },
    {
        "ServerVersion": "4.3.1",
        "OSType": "linux",
        "Driver": "overlay",
        "CgroupDriver": "cgroupfs",
        "CgroupVersion": "1",
        "DockerRootDir": "/nowhere",
        "SecurityOptions": ["name=seccomp,profile=default"],
        "Rootless": False,
    },
)


class FakeEngine:
    """One that answers on a socket; `asked` has what it was asked for."""

    def __init__(self, socket: Path, answers: Answers) -> None:
        self.socket = socket
        self.answers = answers
        self.asked: list[tuple[str, str]] = []


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing of a client that has gone before it read the answer."""


@contextmanager
def serving(socket: Path, answers: Answers) -> Iterator[FakeEngine]:
    """Answer on a socket until the end of the block."""
    engine = FakeEngine(socket, answers)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            path = re.sub(r"^/v[0-9.]+", "", self.path.partition("?")[0])
            engine.asked.append((self.command, path))
            try:
                code, content = 200, answers.to(path)
            except KeyError:
                code, content = 404, b'{"message": "there is no such thing"}'
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def __getattr__(self, name: str) -> Any:
            # http.server looks for do_GET, do_POST and so on.
            if name.startswith("do_"):
                return self.answer
            raise AttributeError(name)

        def address_string(self) -> str:
            return "a socket"

        def log_message(self, *_: Any) -> None:
            pass

    server = _Server(str(socket), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield engine
    finally:
        server.shutdown()
        server.server_close()
