"""The server's declared state.

    pyinfra INVENTORY deploy.py --dry --diff
    pyinfra INVENTORY deploy.py -y

It concerns the hosts of group image_servers, and takes no arguments: what is declared stands in group_data/.
"""

from pyinfra import config, host, inventory

from tasks.facts.operating_system import Machine
from tasks.facts.together import ask_together, first_questions
from tasks.operations.managed_files import names_question
from tasks.pyinfra_gaps.arguments import Arguments
from tasks.pyinfra_gaps.one_line import one_line
from tasks.server import (
    accounts,
    ci,
    firewall,
    gates,
    packages,
    platforms,
    release_tool,
    schedule,
    selinux,
    signing,
    storage,
    tls,
    treefiles,
    web,
)
from tasks.server.image_servers import concerns
from tasks.settings import places
from tasks.settings.load import load_server

with one_line():
    with Arguments(inventory.get_override_data()):
        pass
    if concerns(host):
        settings = load_server(host)
        machine = host.get_fact(Machine)
        platform = platforms.load(machine)
        platforms.check_architecture(host.name, machine, settings.architecture)
        config.SUDO = not machine.is_root
        names = (places.DECLARED_GATES, treefiles.names_path(settings))
        ask_together([signing.question(settings), *map(names_question, names)])
        signing.check_signing_keys(host.name, settings)

        packages.install_packages(platform=platform, machine=machine)
        accounts.make_accounts(settings=settings)
        storage.make_storage(settings=settings)
        selinux.label_storage(settings=settings, machine=machine)
        firewall.open_ports(settings=settings)
        tls.keep_certificates(settings=settings, platform=platform)
        web.serve_repositories(settings=settings, platform=platform, machine=machine)
        signing.make_signing_keys(settings=settings)
        release_tool.install_release_tool(settings=settings)
        ci.admit_ci(settings=settings, platform=platform)
        gates.install_gates(settings=settings)
        composes = platforms.composes(platform, machine)
        if composes:
            treefiles.write_treefiles(settings=settings)
        schedule.schedule_work(settings=settings, composes=composes)
        if composes:
            schedule.compose_on_setup(settings=settings)
        else:
            schedule.tell_that_nothing_is_composed(platform)
        signing.tell_about_signing_keys(settings=settings, login=host.name)

        ask_together(first_questions())
