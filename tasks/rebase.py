"""Make clients follow what they should: trust, remote, rebase and, if asked, reboot and check.

    pyinfra INVENTORY tasks/rebase.py -y
    pyinfra INVENTORY tasks/rebase.py -y --limit CLIENT --data to=dev --data reboot=yes

--data to=ENVIRONMENT or RING (default: the client's ostree_follows), reboot=yes (default no).
"""

from pyinfra import host, inventory

from tasks.client.update import rebase_client
from tasks.pyinfra_gaps.arguments import Arguments
from tasks.pyinfra_gaps.one_line import one_line

with one_line():
    with Arguments(inventory.get_override_data()) as given:
        to = given.follows("to")
        reboot = given.switch("reboot")

    rebase_client(host, to, reboot)
