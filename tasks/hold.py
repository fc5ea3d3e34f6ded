"""Keep something from being staged, signed or moved to a ring, by anybody or any timer, until it is released.

    pyinfra INVENTORY tasks/hold.py -y
    pyinfra INVENTORY tasks/hold.py -y --data build=44.20260102.1 --data "reason=crashes on docking"
    pyinfra INVENTORY tasks/hold.py -y --data package=kernel-6.14.0-63.fc44 --data "reason=no wireless"
    pyinfra INVENTORY tasks/hold.py -y --data build=44.20260102.1 --data release=yes --data "reason=the cable"

One of --data build=VERSION or CHECKSUM, package=NAME-VERSION-RELEASE, content=CHECKSUM, inputhash=HASH;
release=yes ends the hold; reason=TEXT (kept in the journal). Without any of them: what is held, by whom, why.
"""

from pyinfra import host, inventory

from tasks.pyinfra_gaps.arguments import Arguments
from tasks.pyinfra_gaps.one_line import one_line
from tasks.releases.hold import hold_here

with one_line():
    with Arguments(inventory.get_override_data()) as given:
        what = {
            "build": given.build("build"),
            "package": given.package("package"),
            "content": given.build("content"),
            "inputhash": given.build("inputhash"),
        }
        release = given.switch("release")
        reason = given.text("reason")
        chosen = given.at_most_one(what)
        if chosen or release or reason:
            given.need(**{"build, package, content or inputhash": chosen, "reason": reason})

    hold_here(host, chosen, release, reason)
