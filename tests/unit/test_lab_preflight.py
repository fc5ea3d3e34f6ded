"""What the lab finds missing before it creates anything."""

from __future__ import annotations

import socket

import pytest

from lab import preflight
from lab.errors import LabError
from lab.state import Lab, Machine


def test_a_port_that_is_in_use_is_named() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        busy = Machine("server", "c", port, "10.0.0.1")
        with pytest.raises(LabError, match=f"'mine' needs port {port} of 127.0.0.1, which is in use"):
            preflight.check_ports([busy], Lab("mine"))
    preflight.check_ports([busy], Lab("mine"))
