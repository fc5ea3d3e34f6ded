"""Ports in firewalld, where it runs."""

from pyinfra.api import deploy

from tasks.operations import firewalld
from tasks.settings import places
from tasks.settings.declared import Server


@deploy("Firewall")
def open_ports(settings: Server) -> None:
    """Open httpd's ports, now and permanently, and close those of earlier settings."""
    firewalld.ports(
        name="Ports in firewalld",
        opened=[f"{port}/tcp" for port in (settings.https_port, settings.plain_port) if port is not None],
        memory=f"{places.DECLARED}/firewalld",
    )
