"""How SSH connections to the hosts are made: without Nagle's delay, and kept alive.

Unnecessary once pyinfra sets both itself (3.10.0 leaves them to paramiko, which does not).
"""

import logging
import socket
from typing import Any

import paramiko

KEEPALIVE_SECONDS = 30

# pyinfra says in one line what went wrong; without a handler, paramiko prints a traceback beside it.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


def low_latency_transport(sock: Any, **options: Any) -> paramiko.Transport:
    """Make a paramiko transport that sends small packets at once and notices a dead peer.

    Paramiko leaves Nagle's algorithm on, which costs about 45 ms for every remote command. Without keepalive,
    a long compose behind a NAT router loses its connection while nothing is printed.

    + sock: the connected socket, or a channel when a jump host is in use (it has no TCP options)
    + options: what paramiko's SSHClient.connect passes on
    """
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = paramiko.Transport(sock, **options)
    transport.set_keepalive(KEEPALIVE_SECONDS)
    return transport
