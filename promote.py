"""Promote a build to the first ring, or what a ring holds to the next one.

    pyinfra INVENTORY promote.py --dry
    pyinfra INVENTORY promote.py -y
    pyinfra INVENTORY promote.py -y --data ring=stable

--data to=ENVIRONMENT (default prod), build=VERSION or CHECKSUM (default the newest), ring=RING (default the
first; a later ring takes what is in the ring before it), reason=TEXT (kept in the journal),
gate=PROGRAM (runs on this machine first: docs/gates.md).
"""

from pyinfra import host, inventory

from tasks.arguments import Arguments
from tasks.interrupts import fail_on_interrupt
from tasks.one_line import one_line
from tasks.promotion import promote_here

fail_on_interrupt()
with one_line():
    with Arguments(inventory.get_override_data()) as given:
        to = given.name("to", default="prod")
        build = given.build("build")
        ring = given.name("ring")
        reason = given.text("reason")
        gate = given.program("gate")

    promote_here(host, to, build, ring, reason, gate)
