"""OSTree repositories: whether they are ones, of which kind, and what they hold."""

from dataclasses import dataclass, replace
from shlex import join

from pyinfra.api import StringCommand

from tasks.facts.command_output import Reading, Said, asked, unexpected


@dataclass(frozen=True)
class RepositoryState:
    """core.mode of a repository, and free bytes of its file system (None: not known)."""

    mode: str | None = None
    free_bytes: int | None = None


class Repositories(Reading[dict[str, RepositoryState]]):
    """State of those directories that exist.

    + paths: directories that are to be repositories

    **Example:**

    .. code:: python

        host.get_fact(Repositories, paths=["/srv/ostree/rpm-ostree/dev"])
    """

    subject = "df or the look at the repositories"

    def command(self, paths: list[str]) -> StringCommand:
        """Read the configuration as a file, because ostree may not be installed yet."""
        return asked(
            f'for path in {join(paths)} ; do test -d "$path" || continue;'
            """ echo "path $path"; sed -n 's/^ *mode *= */mode /p' "$path/config" 2>/dev/null; echo;"""
            """ test ! -e "$path/config" || echo config;"""
            """ echo "free $(df -P -B1 -- "$path" | awk 'NR == 2 { print $4 }')"; done; true"""
        )

    def read(self, said: Said) -> dict[str, RepositoryState]:
        """Parse one block of lines for each directory."""
        states: dict[str, RepositoryState] = {}
        path = None
        for line in filter(str.strip, said.lines):
            word, _, value = line.partition(" ")
            if word == "path":
                path = value
                states[path] = RepositoryState()
            elif word == "mode" and path:
                states[path] = replace(states[path], mode=value.strip())
            elif word == "config" and path:
                if states[path].mode is None:
                    raise ValueError(f"found no mode in {path}/config: is it damaged?")
            elif word == "free" and path:
                states[path] = replace(states[path], free_bytes=int(value) if value.isdecimal() else None)
            else:
                raise unexpected(line)
        return states
