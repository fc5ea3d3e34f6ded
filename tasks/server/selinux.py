"""Labels for what httpd serves, before the first compose writes there."""

from pyinfra.api import deploy

from tasks.facts.operating_system import MachineState
from tasks.operations import selinux
from tasks.settings import places
from tasks.settings.declared import Server

SERVED = "httpd_sys_content_t"


@deploy("SELinux")
def label_storage(settings: Server, machine: MachineState) -> None:
    """Label the repositories and let httpd use its ports, where a policy is configured."""
    if machine.selinux is None:
        return
    selinux.labelled(
        name="Labels and port types",
        policy=machine.selinux.policy,
        loaded=machine.selinux.loaded,
        path=settings.base_path,
        label=SERVED,
        ports=[port for port in (settings.https_port, settings.plain_port) if port is not None],
        memory=f"{places.DECLARED}/selinux",
    )
