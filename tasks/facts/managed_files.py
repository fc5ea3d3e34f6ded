"""What is where, and whose: the state of many paths of a server, read by one remote command."""

import base64
import re
import stat
from dataclasses import dataclass, replace
from posixpath import basename
from shlex import join, quote

from pyinfra.api import StringCommand

from tasks.facts.command_output import NOT_THERE, Reading, Said, asked, check_absent, unexpected
from tasks.facts.sections import begin, sections

_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}
# What stat says of a path that does not exist.
_ABSENT = (NOT_THERE, ": Not a directory", ": Too many levels of symbolic links")
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


class ManagedFiles(Reading[dict[str, PathState]]):
    """State of every path that exists.

    + files: regular files whose content matters
    + directories: looked at through links, so that an administrator may put them elsewhere
    + links: symbolic links whose target matters
    + others: paths of which only kind, owner and mode matter
    + programs: folders that a program was unpacked into, with the interpreter of each

    A path that is absent is absent from the result too. Needs coreutils, and for programs find.

    **Example:**

    .. code:: python

        host.get_fact(ManagedFiles, files=["/etc/ostree-release/config.json"], directories=["/srv/ostree"])
    """

    subject = "stat or sha256sum"

    def command(
        self,
        files: list[str] | None = None,
        directories: list[str] | None = None,
        links: list[str] | None = None,
        others: list[str] | None = None,
        programs: dict[str, str] | None = None,
    ) -> StringCommand:
        """One command for all paths; it succeeds whatever is missing."""
        script = ["export LC_ALL=C;"]
        here = [*(files or []), *(links or []), *(others or []), *(programs or {})]
        for look, paths in (("stat", here), ("stat -L", directories)):
            if paths:
                script.append(f"{look} -c 'path %f %U %G %n' -- {join(paths)} || [ $? = 1 ] || exit;")
        if files:
            script.append(f"sha256sum -- {join(files)} 2>/dev/null | sed 's/^/sha256 /';")
        if links:
            script.append(f'for path in {join(links)} ; do test -L "$path" &&')
            script.append("""printf 'link %s\\t%s\\n' "$path" "$(readlink -- "$path")"; done;""")
        if programs:
            script.append(SEAL)
        for folder, interpreter in (programs or {}).items():
            script.append(f"sealed {join([folder, interpreter])} &&")
            script.append(f"echo sha256 {join([basename(folder), folder])} ;")
        return asked(" ".join([*script, "true"]))

    def read(self, said: Said) -> dict[str, PathState]:
        """Parse the lines of the command above; what stat cannot look at is not absent."""
        check_absent(said, "stat", absent=_ABSENT)
        states: dict[str, PathState] = {}
        for line in said.lines:
            word, _, rest = line.partition(" ")
            if word == "path":
                raw, owner, group, path = _fields(line, 4)
                if not re.fullmatch("[0-9a-f]+", raw):
                    raise unexpected(line)
                mode = int(raw, 16)
                kind = _KINDS.get(stat.S_IFMT(mode), "other")
                states[path] = PathState(kind, f"{stat.S_IMODE(mode):o}", owner, group)
            elif word == "sha256":
                checksum, path = _fields(line, 2)
                states[path.lstrip(" *")] = _with(states, path.lstrip(" *"), sha256=checksum)
            elif word == "link":
                path, _, target = rest.partition("\t")
                states[path] = _with(states, path, target=target)
            else:
                raise unexpected(line)
        return states


class Content(Reading[bytes | None]):
    """What a file has in it; None where there is no such file.

    + path: absolute path

    **Example:**

    .. code:: python

        host.get_fact(Content, path="/etc/rpm-ostree/treefiles/.folder")
    """

    subject = "base64"

    def command(self, path: str) -> StringCommand:
        """Any byte arrives as it is."""
        file = quote(path)
        return asked(f"if test -e {file} ; then {begin('content')} ; base64 {file} ; fi")

    def read(self, said: Said) -> bytes | None:
        """Decode it."""
        lines = sections(said.lines).get("content")
        if lines is None:
            return None
        try:
            return base64.b64decode("".join(lines), validate=True)
        except ValueError:
            raise ValueError("printed text that is no base64, or not all of it") from None


def _with(states: dict[str, PathState], path: str, **found: str) -> PathState:
    if path not in states:
        raise ValueError(f"found {path}, which appeared while it was looked at; run again")
    return replace(states[path], **found)


def _fields(line: str, count: int) -> list[str]:
    _, *fields = line.split(" ", count)
    if len(fields) != count:
        raise unexpected(line)
    return fields
