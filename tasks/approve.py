"""Let through what the gates found about a candidate or release: exactly this, for one ring, for a time.

    pyinfra INVENTORY tasks/approve.py --dry --data version=44.20260102.1 --data reason=WHY
    pyinfra INVENTORY tasks/approve.py -y --data version=44.20260102.1 --data "reason=nobody uses tool"

--data version=VERSION, to=ENVIRONMENT (default prod), ring=RING (default the first) or through=RING (every
ring up to that one), override=GATE or GATE,GATE (lets failures of these gates through too), reason=TEXT (kept
in the journal).
"""

from pyinfra import host, inventory

from ostree_release.model import DEFAULT_ENVIRONMENT
from tasks.pyinfra_gaps.arguments import Arguments
from tasks.pyinfra_gaps.one_line import one_line
from tasks.releases.approve import approve_here

with one_line():
    with Arguments(inventory.get_override_data()) as given:
        version = given.build("version")
        asked = {
            "to": given.name("to", default=DEFAULT_ENVIRONMENT),
            "ring": given.name("ring"),
            "through": given.name("through"),
        }
        override = given.names("override")
        reason = given.text("reason")
        given.need(version=version, reason=reason)

    approve_here(host, str(version), asked, override, reason)
