"""What is where, and whose: the state of many paths of a server, read by one remote command."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from posixpath import basename

from pyinfra.api import FactBase, FactProcessError, QuoteString, StringCommand

# A folder's content but for the seal itself, and for which Python: one digest of names, kinds, modes, owners,
# link targets, contents, and of the interpreter's version.
SEAL = """\
seal() (
  export LC_ALL=C; cd -- "$1" && {
    "$2" -V; find . ! -path ./.seal -printf '%p %y %m %U %G %l\\n' -type f -exec sha256sum -- {} +
  } | sort | sha256sum
)
sealed() { [ -f "$1/.seal" ] && [ "$(seal "$1" "$2" 2>/dev/null)" = "$(cat -- "$1/.seal")" ]; }
"""


@dataclass(frozen=True)
class PathState:
    """One path that exists: kind is "file", "directory", "link" or "other"; mode is octal digits ("644").

    `sha256` is known of files whose content was asked for, `target` of links. A program's folder has the
    `sha256` of its zipapp as long as everything in it is as it was unpacked.
    """

    kind: str
    mode: str
    owner: str
    group: str
    sha256: str | None = None
    target: str | None = None


class ManagedFiles(FactBase[dict[str, PathState]]):
    """State of every path that exists.

    + files: regular files whose content matters
    + directories: looked at through links, so that an administrator may put them elsewhere
    + links: symbolic links whose target matters
    + others: paths of which only kind, owner and mode matter
    + programs: folders that a program was unpacked into, with the interpreter of each

    A path that is absent is absent from the result too. Needs coreutils, and for programs find.
    """

    @staticmethod
    def default() -> dict[str, PathState]:
        """No path exists."""
        return {}

    def command(
        self,
        files: list[str] | None = None,
        directories: list[str] | None = None,
        links: list[str] | None = None,
        others: list[str] | None = None,
        programs: dict[str, str] | None = None,
    ) -> StringCommand:
        """One command for all paths; it succeeds whatever is missing."""
        bits: list[object] = ["export LC_ALL=C;"]
        here = [*(files or []), *(links or []), *(others or []), *(programs or {})]
        if here:
            bits += ["stat -c 'path %f %U %G %n' --", *map(QuoteString, here), "2>/dev/null;"]
        if directories:
            bits += ["stat -L -c 'path %f %U %G %n' --", *map(QuoteString, directories), "2>/dev/null;"]
        if files:
            bits += ["sha256sum --", *map(QuoteString, files), "2>/dev/null | sed 's/^/sha256 /';"]
        if links:
            bits += ["for path in", *map(QuoteString, links), '; do test -L "$path" &&']
            bits += ["""printf 'link %s\\t%s\\n' "$path" "$(readlink -- "$path")"; done;"""]
        if programs:
            bits.append(SEAL)
        for folder, interpreter in (programs or {}).items():
            bits += ["sealed", QuoteString(folder), QuoteString(interpreter), "&&"]
            bits += ["echo sha256", QuoteString(basename(folder)), QuoteString(folder), ";"]
        return StringCommand(*bits, "true")

    def process(self, output: list[str]) -> dict[str, PathState]:
        """Parse the lines of the command above."""
        states: dict[str, PathState] = {}
        for line in output:
            word, _, rest = line.partition(" ")
            if word == "path":
                raw, owner, group, path = _fields(rest, 4)
                mode = int(raw, 16)
                states[path] = PathState(_kind(mode), f"{stat.S_IMODE(mode):o}", owner, group)
            elif word == "sha256":
                checksum, path = _fields(rest, 2)
                states[path.lstrip(" *")] = _with(states, path.lstrip(" *"), sha256=checksum)
            elif word == "link":
                path, _, target = rest.partition("\t")
                states[path] = _with(states, path, target=target)
        return states


def _with(
    states: dict[str, PathState], path: str, *, sha256: str | None = None, target: str | None = None
) -> PathState:
    known = states.get(path)
    if known is None:
        raise FactProcessError(f"{path} appeared while it was looked at; run again")
    return PathState(known.kind, known.mode, known.owner, known.group, sha256, target)


def _fields(text: str, count: int) -> list[str]:
    fields = text.split(" ", count - 1)
    if len(fields) != count:
        raise FactProcessError(f"stat or sha256sum printed an unexpected line: {text!r}")
    return fields


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "link" if stat.S_ISLNK(mode) else "other"
