"""The server's declared state: pyinfra INVENTORY deploy.py -y, or --dry --diff to see what would happen."""

from pyinfra import config, host

from tasks import platforms
from tasks.facts.machine import Machine
from tasks.server import accounts, firewall, packages, release_tool, schedule, selinux
from tasks.server import signing, storage, tls, treefiles, web
from tasks.settings import load_server

settings = load_server(host)
machine = host.get_fact(Machine)
platform = platforms.load(machine)
config.SUDO = not machine.is_root

packages.install_packages(platform, machine)
accounts.make_accounts(settings)
storage.make_storage(settings)
selinux.label_storage(settings, machine)
firewall.open_ports(settings)
tls.keep_certificates(settings, platform)
web.serve_repositories(settings, platform)
signing.make_signing_keys(settings)
release_tool.install_release_tool(settings)
if platforms.composes(platform, machine):
    treefiles.write_treefiles(settings)
    schedule.schedule_composes(settings)
    schedule.compose_on_setup(settings)
signing.tell_about_signing_keys(settings)
