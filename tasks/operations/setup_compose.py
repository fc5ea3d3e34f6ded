"""The first compose of an environment, on set-up."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api import StringCommand, operation
from pyinfra.context import host

from tasks.facts.repositories import MissingRefs
from tasks.operations.remote_script import quoted


@operation()
def composed(
    program: str, refs: dict[str, str], names: dict[str, str]
) -> Generator[StringCommand, None, None]:
    """
    Compose every environment that has no build yet.

    + program: ostree-release on the server
    + refs: repository -> ref that a build moves
    + names: the same refs -> names of their environments
    """
    missing = host.get_fact(MissingRefs, refs=refs)
    if not missing:
        host.noop(f"{', '.join(names.values())}: there is a build")
        return
    for ref in missing:
        yield StringCommand(quoted(program, "compose", names[ref]))
