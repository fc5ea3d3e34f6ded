"""Print what each release changed and fixed, when it reached which ring, and who let it through.

    pyinfra INVENTORY tasks/changelog.py -y
    pyinfra INVENTORY tasks/changelog.py -y --data ring=stable --data format=markdown

--data to=NAME (default prod), ring=NAME (only what reached it), version=VERSION (only that release),
format=text, markdown or json (default text). Exactly what the server says goes to standard output.
"""

from pyinfra import host, inventory

from ostree_release.model import DEFAULT_ENVIRONMENT
from tasks.pyinfra_gaps.arguments import Arguments
from tasks.pyinfra_gaps.one_line import one_line
from tasks.releases.changelog import print_changelog

with one_line():
    with Arguments(inventory.get_override_data()) as given:
        to = given.name("to", default=DEFAULT_ENVIRONMENT)
        ring = given.name("ring")
        version = given.name("version")
        form = given.name("format", default="text")

    if form not in ("text", "markdown", "json"):
        raise SystemExit(f"--data format={form}: must be text, markdown or json")

    print_changelog(host, to, ring, version, form)
