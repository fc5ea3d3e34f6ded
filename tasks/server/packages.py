"""The distribution's packages that a server needs."""

from pyinfra.api import deploy

from tasks.facts.operating_system import MachineState
from tasks.operations import packages
from tasks.server.platforms import Platform


@deploy("Packages")
def install_packages(platform: Platform, machine: MachineState) -> None:
    """Install what serves, promotes and composes; the tools of SELinux where it is configured."""
    names = [*platform.packages, *(platform.compose_packages or ())]
    if machine.selinux:
        names += platform.selinux_packages
    packages.installed(
        name="Install packages", names=names, query=platform.installed, install=platform.install
    )
