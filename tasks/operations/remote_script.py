"""Commands that operations yield: shell scripts with their data on standard input, and refusals."""

from base64 import b64encode
from collections.abc import Generator, Sequence

from pyinfra.api import FunctionCommand, QuoteString, StringCommand
from pyinfra.context import host

Commands = Generator[StringCommand | FunctionCommand | str, None, None]
"""What an operation yields."""

# Content travels as base64 lines on standard input, each piece closed by a line with a dot: neither a process
# list nor a log shows it, and any byte arrives as it is.
READ_CONTENT = """\
read_content() {
  while IFS= read -r line && [ "$line" != . ]; do printf '%s\\n' "$line"; done | base64 -d
}
"""


def script(text: str, *contents: bytes) -> StringCommand:
    """A shell script as one remote command; `read_content` in it prints the contents, one after the other."""
    if not contents:
        return StringCommand(text)
    return StringCommand(text, _stdin="".join(map(_encoded, contents)))


def together(
    lines: Sequence[str], unchanged: str, begin: str = "set -e"
) -> Generator[StringCommand, None, None]:
    """The lines as one script that ends with the first that fails; without any, say what is right already."""
    if lines:
        yield script("\n".join([begin, *lines]))
    else:
        host.noop(unchanged)


def as_root(text: str, *words: str) -> StringCommand:
    """A shell script as root's, through sudo; the words are its arguments."""
    return StringCommand("sudo", "-n", "sh", "-c", QuoteString(text), "sh", *map(QuoteString, words))


def quoted(*words: str) -> str:
    """The words, safe for the shell."""
    return StringCommand(*map(QuoteString, words)).get_raw_value()


def remember(entries: list[str], memory: str) -> str:
    """The shell line that makes a file hold just these lines: what is ours in a store that we share."""
    return f"printf '%s\\n' {quoted(*entries)} >{quoted(memory)}" if entries else f": >{quoted(memory)}"


def refuse(line: str) -> StringCommand:
    """A command that changes nothing, shows the line as the reason, and makes its operation fail.

    An exception would do the same while pyinfra plans, but prints a traceback while it executes.
    """
    return StringCommand("printf '%s\\n'", QuoteString(line), ">&2; exit 1")


def _encoded(content: bytes) -> str:
    text = b64encode(content).decode()
    lines = [text[start : start + 1024] for start in range(0, len(text), 1024)]
    return "".join(f"{line}\n" for line in [*lines, "."])
