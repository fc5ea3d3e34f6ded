"""Files, directories, links and the like of one concern, declared together, changed only where needed.

pyinfra's `files.put` and its like ask for each path several times, and cannot put back what fails a test.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from pyinfra import logger
from pyinfra.api import operation
from pyinfra.context import host, state
from pyinfra.operations.util.files import generate_color_diff

from tasks.facts.managed_files import Content, ManagedFiles, PathState
from tasks.facts.together import Question, known
from tasks.operations.program import INSTALL, Program
from tasks.operations.remote_script import READ_CONTENT, Commands, quoted, script
from tasks.pyinfra_gaps.messages import tell


@dataclass(frozen=True)
class File:
    """A regular file. Content None: only its existence, owner and mode are declared.

    `validate` is a command that must accept a file with the new content before that is installed.
    """

    path: str
    content: str | bytes | None
    owner: str = "root"
    group: str = "root"
    mode: str = "644"
    validate: str | None = None


@dataclass(frozen=True)
class Directory:
    """A directory; what lies in it is not touched."""

    path: str
    owner: str = "root"
    group: str = "root"
    mode: str = "755"


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    path: str
    target: str


@dataclass(frozen=True)
class Step:
    """One change: the path, what a person should know, the shell line, and the content it reads, if any."""

    path: str
    says: str
    line: str
    content: bytes | None = None


# A new file is complete and has its owner and mode before its name shows it; till then only root can read it.
PRELUDE = f"""\
set -eu; umask 077
{READ_CONTENT}\
directory() {{ (umask 022; mkdir -p -- "$1"); chown -- "$2:$3" "$1"; chmod -- "$4" "$1"; }}
attributes() {{ chown -- "$2:$3" "$1"; chmod -- "$4" "$1"; }}
file() {{
  new=$(mktemp -- "${{1%/*}}/.${{1##*/}}.XXXXXX"); trap 'rm -f -- "$new"' EXIT
  read_content >"$new"; chown -- "$2:$3" "$new"; chmod -- "$4" "$new"
  [ -z "${{5-}}" ] || $5 "$new" >&2
  mv -fT -- "$new" "$1"; trap - EXIT
}}
link() {{ new=$(mktemp -u -- "${{1%/*}}/.${{1##*/}}.XXXXXX"); ln -s -- "$2" "$new"; mv -fT -- "$new" "$1"; }}
"""

KEEP = """\
kept=$(mktemp -d); trap 'rm -rf -- "$kept"' EXIT
keep() { if [ -e "$2" ] || [ -L "$2" ]; then cp -a -T -- "$2" "$kept/$1"; fi; }
restore() { rm -f -- "$2"; if [ -e "$kept/$1" ] || [ -L "$kept/$1" ]; then cp -a -T -- "$kept/$1" "$2"; fi; }
"""


@operation()
def declared(
    files: list[File] | None = None,
    directories: list[Directory] | None = None,
    links: list[Link] | None = None,
    absent: list[str] | None = None,
    programs: list[Program] | None = None,
    check: str | None = None,
) -> Commands:
    """
    Make files, directories, links and programs what they are declared to be, and nothing else.

    + files: content, owner, group and mode
    + directories: owner, group and mode; parents that are missing are made, with mode 755
    + links: symbolic links
    + absent: files or links that must not be there, and directories, which stay where they are not empty
    + programs: unpacked, compiled and linked before any file that may need them is written
    + check: command that must accept the result; when it does not, files and links are put back as they were

    **Example:**

    .. code:: python

        managed_files.declared(
            name="Treefiles",
            directories=[Directory("/etc/rpm-ostree/treefiles")],
            files=[File("/etc/rpm-ostree/treefiles/kinoite-dev.yaml", text)],
            absent=["/etc/rpm-ostree/treefiles/old.yaml"],
        )
    """
    files, directories, links, absent = files or [], directories or [], links or [], absent or []
    programs = programs or []
    states: dict[str, PathState] = known(
        ManagedFiles,
        files=[file.path for file in files if file.content is not None],
        directories=[directory.path for directory in directories],
        links=[*(link.path for link in links), *(program.path for program in programs)],
        others=[*(file.path for file in files if file.content is None), *absent],
        programs={program.folder: program.interpreter for program in programs},
    )
    steps = [
        *(step for item in directories for step in _directory_steps(item, states.get(item.path))),
        *(step for item in programs for step in _program_steps(item, states)),
        *(step for item in files for step in _file_steps(item, states.get(item.path))),
        *(step for item in links for step in _link_steps(item, states.get(item.path))),
        *(_step(path, f"remove {path}", _removal(states[path])) for path in absent if path in states),
    ]
    if not steps:
        count = len([*files, *directories, *links, *absent, *programs])
        host.noop(f"{count} paths are as declared")
        return
    _show(steps, states)
    yield script(_script(steps, check), *(step.content for step in steps if step.content is not None))


def names_file(path: str, names: Iterable[str]) -> File:
    """A file that names what is ours in a folder that the administrator uses, too."""
    return File(path, "".join(f"{name}\n" for name in sorted(names)))


def remembered(path: str) -> list[str]:
    """Read such a file on the server; without one, nothing there is ours."""
    return (known(Content, path=path) or b"").decode(errors="replace").split()


def names_question(path: str) -> Question:
    """Return what `remembered` asks."""
    return Question(Content, {"path": path})


def _removal(found: PathState) -> str:
    return "rmdir --ignore-fail-on-non-empty --" if found.kind == "directory" else "rm -f --"


def _directory_steps(wanted: Directory, found: PathState | None) -> Iterable[Step]:
    arguments = (wanted.owner, wanted.group, wanted.mode)
    if found is None or found.kind != "directory":
        yield _step(wanted.path, f"create the directory {wanted.path}", "directory", *arguments)
    elif (found.owner, found.group, found.mode) != arguments:
        yield _step(wanted.path, _attributes_differ(wanted, found), "directory", *arguments)


def _file_steps(wanted: File, found: PathState | None) -> Iterable[Step]:
    arguments = (wanted.owner, wanted.group, wanted.mode)
    content = wanted.content.encode() if isinstance(wanted.content, str) else wanted.content
    validate = (wanted.validate,) if wanted.validate else ()
    if found is None or found.kind != "file":
        says = f"create {wanted.path}"
        yield _step(wanted.path, says, "file", *arguments, *validate, content=content or b"")
    elif content is not None and found.sha256 != sha256(content).hexdigest():
        says = f"change the content of {wanted.path}"
        yield _step(wanted.path, says, "file", *arguments, *validate, content=content)
    elif (found.owner, found.group, found.mode) != arguments:
        yield _step(wanted.path, _attributes_differ(wanted, found), "attributes", *arguments)


def _program_steps(wanted: Program, states: dict[str, PathState]) -> Iterable[Step]:
    found = states.get(wanted.folder)
    if found is not None and found.sha256 == wanted.version:
        yield from _link_steps(Link(wanted.path, wanted.version), states.get(wanted.path))
        return
    says = f"unpack and compile {wanted.folder}, and link {wanted.path} to it"
    if found is not None:
        says = f"unpack and compile {wanted.folder} again: it has changed, or Python has"
    yield Step(wanted.path, says, wanted.line, wanted.zipapp)


def _link_steps(wanted: Link, found: PathState | None) -> Iterable[Step]:
    if found is None or found.target != wanted.target:
        yield _step(wanted.path, f"link {wanted.path} to {wanted.target}", "link", wanted.target)


def _step(path: str, says: str, function: str, *arguments: str, content: bytes | None = None) -> Step:
    return Step(path, says, f"{function} {quoted(path, *arguments)}", content)


def _attributes_differ(wanted: File | Directory, found: PathState) -> str:
    return (
        f"change {wanted.path} from {found.owner}:{found.group} {found.mode}"
        f" to {wanted.owner}:{wanted.group} {wanted.mode}"
    )


def _script(steps: list[Step], check: str | None) -> str:
    lines = "".join(f"{step.line}\n" for step in steps)
    prelude = PRELUDE + (INSTALL if any(step.line.startswith("program ") for step in steps) else "")
    if check is None:
        return prelude + lines
    numbered = [quoted(str(number), step.path) for number, step in enumerate(steps) if _is_entry(step)]
    keep = "".join(f"keep {words}\n" for words in numbered)
    restore = "".join(f"restore {words}\n" for words in numbered)
    # A subshell by itself: as part of a condition the shell would ignore its `set -e`.
    return (
        f"{prelude}{KEEP}{keep}set +e\n(set -e\n{lines})\nfailed=$?\n"
        f"if [ $failed -eq 0 ]; then {{ {check}; }} >&2; failed=$?; fi\n"
        f"if [ $failed -ne 0 ]; then\n{restore}"
        "echo 'It failed its test; the previous files are back in place.' >&2; exit 1\nfi\n"
    )


def _is_entry(step: Step) -> bool:
    return not step.line.startswith("directory ")


def _show(steps: list[Step], states: dict[str, PathState]) -> None:
    """Tell what changes: while it is done, and in a plan with --diff; there with the text that changes."""
    if not (state.config.DIFF or state.is_executing):
        return
    for step in steps:
        tell(f"Will {step.says}")
        if state.config.DIFF and step.content:
            for line in _text_difference(step.path, step.content, states.get(step.path)):
                logger.info("  %s", line)


def _text_difference(path: str, content: bytes, found: PathState | None) -> Iterable[str]:
    try:
        new = content.decode()
    except UnicodeDecodeError:
        return []
    if "\x00" in new:
        return []
    old = host.get_fact(Content, path=path) if found and found.kind == "file" else None
    return generate_color_diff((old or b"").decode(errors="replace").splitlines(), new.splitlines())
