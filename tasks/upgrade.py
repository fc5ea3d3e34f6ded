"""Stage what clients follow and, if asked, reboot and check.

    pyinfra INVENTORY tasks/upgrade.py -y
    pyinfra INVENTORY tasks/upgrade.py -y --limit CLIENTS --data reboot=yes

--data reboot=yes (default no).
"""

from pyinfra import host, inventory

from tasks.client.update import upgrade_client
from tasks.pyinfra_gaps.arguments import Arguments
from tasks.pyinfra_gaps.one_line import one_line

with one_line():
    with Arguments(inventory.get_override_data()) as given:
        reboot = given.switch("reboot")

    upgrade_client(host, reboot)
