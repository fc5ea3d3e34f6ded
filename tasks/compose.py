"""Compose an image on the repository server now, or follow the compose that is running.

    pyinfra INVENTORY tasks/compose.py -y
    pyinfra INVENTORY tasks/compose.py -y --data environment=dev --data version=44.20260102.1

--data environment=NAME (default dev), version=VERSION (default: release, date and a number). Ctrl-C ends the
following only; the compose goes on on the server.
"""

from pyinfra import host, inventory

from tasks.pyinfra_gaps.arguments import Arguments
from tasks.pyinfra_gaps.one_line import one_line
from tasks.releases.compose import compose_here

with one_line():
    with Arguments(inventory.get_override_data()) as given:
        environment = given.name("environment", default="dev")
        version = given.name("version")

    compose_here(host, environment, version)
