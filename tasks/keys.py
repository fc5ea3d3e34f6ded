"""Show an environment's signing keys and which clients trust them; let one key take over from another.

    pyinfra INVENTORY tasks/keys.py -y
    pyinfra INVENTORY tasks/keys.py -y --data introduce=new
    pyinfra INVENTORY tasks/keys.py -y --data use=FINGERPRINT
    pyinfra INVENTORY tasks/keys.py -y --data withdraw=FINGERPRINT

--data to=ENVIRONMENT (default prod), introduce=new (made on the server) or FILE (an exported key), use or
withdraw=FINGERPRINT, force=yes (withdraw though a client trusts no other key). docs/signing.md has the order.
"""

from pyinfra import host, inventory

from ostree_release.model import DEFAULT_ENVIRONMENT
from tasks.pyinfra_gaps.arguments import Arguments
from tasks.pyinfra_gaps.one_line import one_line
from tasks.releases.keys import Change, rotate_here

with one_line():
    with Arguments(inventory.get_override_data()) as given:
        to = given.name("to", default=DEFAULT_ENVIRONMENT)
        force = given.switch("force")
        wanted = given.at_most_one({each: given.text(each) for each in ("introduce", "use", "withdraw")})

    rotate_here(host, to, Change(*wanted, force) if wanted else None)
