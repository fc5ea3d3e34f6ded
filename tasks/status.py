"""Show what every environment, ring and client has; tell the server what is new about the clients' health.

    pyinfra INVENTORY tasks/status.py -y
    pyinfra INVENTORY tasks/status.py -y --data format=json

--data format=text or json (default text). The answer goes to standard output, pyinfra's own words to standard
error. Exit status 0: every host was reached and answered; 1: the rest is listed as unreachable. With
--dry nothing is told to the server.
"""

from pyinfra import host, inventory

from tasks.client.report import report
from tasks.pyinfra_gaps.arguments import Arguments
from tasks.pyinfra_gaps.one_line import one_line

with one_line():
    with Arguments(inventory.get_override_data()) as given:
        form = given.name("format", default="text")

    if form not in ("text", "json"):
        raise SystemExit(f"--data format={form}: must be text or json")

    report(host, as_json=form == "json")
