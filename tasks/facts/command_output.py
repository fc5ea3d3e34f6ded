"""What a command printed: its errors apart from its output, and whatever a login prints before left out."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar, cast

from pyinfra.api import FactBase, FactProcessError, StringCommand

from tasks.facts.documents import quoted

T = TypeVar("T")

NOT_THERE = ": No such file or directory"
_OUTPUT, _ERRORS, _EXIT = "=== output", "=== errors", "=== exit "
# Errors are kept in a variable while the output goes on to where it went, by another descriptor: no file is
# left behind, and both are whole. What programs say is read here, so they say it in English.
_BEFORE = f"{{ printf '\\n{_OUTPUT}\\n'; errors=$({{ export LC_ALL=C.UTF-8;"
_AFTER = (
    f'\n}} 2>&1 >&3); code=$?; printf \'\\n{_ERRORS}\\n%s\\n{_EXIT}%s\\n\' "$errors" "$code";'
    ' [ "$code" = 0 ]; } 3>&1'
)

ANSWER = "=== answer"
"""What stands in each line of a command made by `followed` that is for a program."""
_ENDED = f"{ANSWER} ended "


class Said(NamedTuple):
    """What one command printed on standard output and standard error, and its exit status."""

    lines: list[str]
    errors: list[str]
    status: int

    @property
    def words(self) -> list[str]:
        """What tells why it failed: its errors, else all it printed."""
        return self.errors or self.lines


def asked(*commands: StringCommand | str) -> StringCommand:
    """Return one command that tries commands until one succeeds, with the output of each for `replies`.

    Its own exit status is 0: pyinfra would answer another one with all the output.

    + commands: of the shell; each may be a script of several lines
    """
    tries = [StringCommand(StringCommand(_BEFORE, command), _AFTER, _separator="") for command in commands]
    return StringCommand(*tries, "true", _separator=" || ")


def replies(output: Iterable[str]) -> list[Said]:
    """Take apart what commands made by `asked` have printed.

    + output: lines. Those before the first command are what the login printed, and are dropped.

    Returns what each command printed, in turn; at least one.

    Raises ValueError: nothing of it is there, or not its end, or a NUL byte is in it; says so after a
    subject.
    """
    found: list[Said] = []
    said: Said | None = None
    into: list[str] = []
    last = ""
    for line in output:
        if line == _OUTPUT:
            said = Said([], [], 0)
            into = said.lines
        elif said and line == _ERRORS:
            _end_line(into)
            into = said.errors
        elif said and into is said.errors and line.startswith(_EXIT):
            errors = [each for each in into if each.strip()]
            found.append(Said(said.lines, errors, int(line[len(_EXIT) :])))
            said = None
        elif said:
            into.append(line)
        last = line.strip() or last
    if said:
        raise ValueError(f"gave an answer that ends in the middle, with {quoted(last)}")
    if not found:
        raise ValueError(f"gave no answer, only {quoted(last)}" if last else "said nothing")
    if any("\0" in line for each in found for line in each.lines):
        raise ValueError("gave an answer with a NUL byte in it")
    return found


def reply(output: Iterable[str]) -> Said:
    """Take apart what one command made by `asked` has printed, as `replies` does."""
    return replies(output)[-1]


def followed(command: StringCommand) -> StringCommand:
    """Return a command that prints its errors while it runs, with its output where nobody is to see it.

    Errors go to standard output, which pyinfra shows in its usual colour, and the output to standard error.
    The exit status is 0, as that of `asked`.

    + command: of the shell
    """
    begin = f"export LC_ALL=C.UTF-8; printf '{ANSWER} ' >&2; {{"
    return StringCommand(begin, command, f"; }} 3>&1 1>&2 2>&3 3>&-; printf '{_ENDED}%s\\n' \"$?\" >&2")


def follow_reply(output: Sequence[str], errors: Sequence[str]) -> Said:
    """Take apart what a command made by `followed` has printed on standard output and standard error.

    Raises ValueError: not its end is there; says so after a subject.
    """
    said, ended, status = "\n".join(errors).partition(f"{ANSWER} ")[2].rpartition(_ENDED)
    if not ended:
        raise ValueError("gave an answer that ends in the middle")
    return Said(said.splitlines(), [line for line in output if line.strip()], int(status))


def _end_line(lines: list[str]) -> None:
    """Take away the empty line before a marker; what did not end its last line has taken it."""
    if lines[-1:] == [""]:
        lines.pop()


class Reading(FactBase[T]):
    """A fact about a server whose command is made by `asked`.

    What cannot be read is no state of a server: it fails the host with the reason, and nothing may be decided
    by it. `subject` is what the reason is about.
    """

    subject: str

    @staticmethod
    def default() -> T:
        """Nothing is known: pyinfra goes on with this where a fact could not be read."""
        return cast(T, Unread())

    def process(self, output: list[str]) -> T:
        """Read the answer.

        Raises FactProcessError: it failed or is none.
        """
        try:
            return self.answer(reply(output))
        except ValueError as error:
            raise FactProcessError(f"{self.subject} {error}") from None

    def answer(self, said: Said) -> T:
        """Turn what the command has printed into the fact.

        Raises ValueError: it failed or is none; says so after `subject`.
        """
        if said.status:
            words = [line.strip() for line in said.words if line.strip()]
            raise ValueError(f"failed: {words[-1] if words else f'exit status {said.status}'}")
        return self.read(said)

    def read(self, said: Said) -> T:
        """Turn what a command that succeeded has printed into the fact.

        Raises ValueError: it is not what this command prints; says so after `subject`.
        """
        raise NotImplementedError


class Unread:
    """Stands for what could not be read; whoever looks into it ends the run."""

    def _end(self, *_: Any) -> Any:
        from tasks.pyinfra_gaps.one_line import OneLineError

        raise OneLineError("What a server said could not be read, see above: nothing further was done")

    __bool__ = __contains__ = __eq__ = __getattr__ = __getitem__ = __iter__ = __len__ = _end
    __hash__ = None  # type: ignore[assignment]


def check_absent(said: Said, *programs: str, absent: tuple[str, ...] = (NOT_THERE,)) -> None:
    """Check that what programs failed at is not there: their exit status is the same for every failure.

    + said: what was printed
    + programs: what their errors begin with
    + absent: what the errors end with that do not matter

    Raises ValueError: there was another error.
    """
    beginnings = tuple(f"{program}: " for program in programs)
    errors = [line for line in said.errors if line.startswith(beginnings) and not line.endswith(absent)]
    if errors:
        raise ValueError(f"failed: {errors[-1]}")


def unexpected(line: str) -> ValueError:
    """Return the error about a line that a command does not print."""
    return ValueError(f"printed a line that is none of its own: {quoted(line)}")
