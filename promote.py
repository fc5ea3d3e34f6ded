"""Promote a build to the first ring, or what a ring holds to the next one.

    pyinfra INVENTORY promote.py --dry
    pyinfra INVENTORY promote.py -y
    pyinfra INVENTORY promote.py -y --data ring=stable
    pyinfra INVENTORY promote.py -y --data through=stable --data "reason=hotfix for CVE-2026-1234"

--data to=ENVIRONMENT (default prod), build=VERSION or CHECKSUM (default the newest), ring=RING (default the
first; a later ring takes what is in the ring before it), through=RING (a hotfix: one release goes to every
ring up to this one in one run), reason=TEXT (kept in the journal), gate=PROGRAM (runs on this machine first:
docs/gates.md), sign=laptop (with this machine's gpg: docs/signing.md), key=FINGERPRINT (default the one in
use).
"""

from pyinfra import host, inventory

from ostree_release.model import DEFAULT_ENVIRONMENT
from tasks.pyinfra_gaps.arguments import Arguments
from tasks.pyinfra_gaps.one_line import one_line
from tasks.releases.promote import promote_here

with one_line():
    with Arguments(inventory.get_override_data()) as given:
        asked = {
            "to": given.name("to", default=DEFAULT_ENVIRONMENT),
            "build": given.build("build"),
            "ring": given.name("ring"),
            "through": given.name("through"),
            "reason": given.text("reason"),
        }
        gate = given.program("gate")
        sign = given.name("sign")
        key = given.text("key")
        given.at_most_one({"ring": asked["ring"], "through": asked["through"]})
        if asked["through"]:
            given.need(reason=asked["reason"])

    if sign not in (None, "laptop"):
        raise SystemExit(f"--data sign={sign}: must be laptop")
    promote_here(host, asked, gate, sign == "laptop", key)
