"""One remote command that answers several questions: its output, cut at lines `== NAME`."""

from collections.abc import Iterable
from shlex import quote


def begin(name: str) -> str:
    """Return the command that begins a section, on a line of its own whatever was printed before."""
    return f"printf '\\n== %s\\n' {quote(name)}"


def sections(output: Iterable[str], *names: str) -> dict[str, list[str]]:
    """Cut output into named sections.

    + output: lines; before each section an empty one and "== NAME", as `begin` prints them. What did not end
      its last line has taken the empty one. Lines before the first section are dropped.
    + names: sections that must be there

    Returns the lines of each section by its name.

    Raises ValueError: a section is missing; says so after a subject.
    """
    found: dict[str, list[str]] = {}
    name = None
    for line in output:
        if line.startswith("== "):
            if name is not None and found[name][-1:] == [""]:
                found[name].pop()
            name = line[3:].strip()
            found[name] = []
        elif name is not None:
            found[name].append(line)
    missing = next((each for each in names if each not in found), None)
    if missing:
        raise ValueError(f"gave an answer without its part {missing!r}")
    return found
