"""OSTree repositories: whether they are ones, of which kind, and what they hold."""

from __future__ import annotations

from dataclasses import dataclass

from pyinfra.api import FactBase, QuoteString, StringCommand


@dataclass(frozen=True)
class RepositoryState:
    """core.mode of a repository, and free bytes of its file system (None: not known)."""

    mode: str | None = None
    free_bytes: int | None = None


class Repositories(FactBase[dict[str, RepositoryState]]):
    """State of those directories that exist.

    + paths: directories that are to be repositories
    """

    @staticmethod
    def default() -> dict[str, RepositoryState]:
        """None of them exists."""
        return {}

    def command(self, paths: list[str]) -> StringCommand:
        """Read the configuration as a file, because ostree may not be installed yet."""
        return StringCommand(
            *("for path in", *map(QuoteString, paths), '; do test -d "$path" || continue;'),
            """echo "path $path"; sed -n 's/^ *mode *= */mode /p' "$path/config" 2>/dev/null; echo;""",
            """echo "free $(df -P -B1 -- "$path" | awk 'NR == 2 { print $4 }')"; done; true""",
        )

    def process(self, output: list[str]) -> dict[str, RepositoryState]:
        """Parse one block of lines for each directory."""
        states: dict[str, RepositoryState] = {}
        path = ""
        for line in output:
            word, _, value = line.partition(" ")
            if word == "path":
                path = value
                states[path] = RepositoryState()
            elif word == "mode":
                states[path] = RepositoryState(value.strip(), states[path].free_bytes)
            elif word == "free" and value.isdigit():
                states[path] = RepositoryState(states[path].mode, int(value))
        return states


class MissingRefs(FactBase[list[str]]):
    """Those of the refs that their repository does not have.

    + refs: repository -> ref
    """

    @staticmethod
    def default() -> list[str]:
        """Every ref is there."""
        return []

    def command(self, refs: dict[str, str]) -> StringCommand:
        """Refs are files, so ostree is not needed."""
        bits: list[object] = []
        for repository, ref in refs.items():
            file = QuoteString(f"{repository}/refs/heads/{ref}")
            bits += ["test -e", file, "|| printf '%s\\n'", QuoteString(ref), ";"]
        return StringCommand(*bits, "true")

    def process(self, output: list[str]) -> list[str]:
        """One ref a line."""
        return output
