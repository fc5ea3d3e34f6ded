"""What the operations of a run ask first, asked by one command before any of them is carried out.

With -y pyinfra lets each operation ask when its turn has come: one command each, with a channel, a sudo and a
shell of its own. As long as nothing is changed, all of them can as well be asked at once; what comes after a
change asks for itself, as it would without this.

Unnecessary once pyinfra asks so itself (3.10.0 asks for each fact alone).
"""

from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from shlex import quote
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from pyinfra.api import FactBase, Host, StringCommand
from pyinfra.context import ctx_host, host

from tasks.facts.command_output import Reading, Said, replies

T = TypeVar("T")

# Linux takes 128 KiB as one argument, which is what a command with all that is quoted in it becomes.
LONGEST = 120_000


class Question(NamedTuple):
    """A fact with its arguments."""

    fact: type[Reading[Any]]
    arguments: dict[str, Any]

    def __repr__(self) -> str:
        """Name the fact alone: pyinfra prints the arguments of what it asks."""
        return self.fact.__name__

    def command(self) -> StringCommand:
        """Return the command that asks it."""
        return self.fact().command(**self.arguments)  # type: ignore[return-value]


@dataclass
class _Kept:
    """What a host has answered.

    + begun: operations that have asked something
    + ahead: whether they are only looked at, to find what each will ask
    """

    answers: list[tuple[Question, Any]] = field(default_factory=list)
    begun: set[str] = field(default_factory=set)
    ahead: bool = False


class _Asked(BaseException):
    """Ends an operation at its first question."""

    def __init__(self, question: Question) -> None:
        self.question = question


_kept: WeakKeyDictionary[Host, _Kept] = WeakKeyDictionary()


class _Together(FactBase[list[Said]]):
    """What the commands of several facts print, each in turn; nothing where an end is missing.

    + questions: facts that are read by one command each

    **Example:**

    .. code:: python

        host.get_fact(_Together, questions=[Question(Machine, {}), Question(Content, {"path": "/etc/motd"})])
    """

    default = list

    def command(self, questions: list[Question]) -> StringCommand:
        """One command after the other; none of them changes what the next one finds."""
        return StringCommand(*(question.command() for question in questions), _separator="\n")

    def process(self, output: list[str]) -> list[Said]:
        """Take them apart."""
        try:
            return replies(output)
        except ValueError:
            return []


def known(fact: type[Reading[T]], **arguments: Any) -> T:
    """Return a fact about the host at hand: from what was asked together, else by asking as pyinfra does.

    + fact: the fact
    + arguments: its arguments
    """
    here = ctx_host.get()
    kept = _kept.get(here)
    question = Question(fact, arguments)
    if kept and kept.ahead:
        raise _Asked(question)
    if kept and _begins(here, kept) and _holds(here):
        for each, answer in kept.answers:
            if each == question:
                return answer  # type: ignore[no-any-return]
    return host.get_fact(fact, **arguments)


def ask_together(questions: Iterable[Question]) -> None:
    """Ask the host at hand several questions by one command, for `known`.

    An answer that cannot be read is not kept: whoever needs it asks for it and says what is wrong with it.
    """
    kept = _kept.setdefault(ctx_host.get(), _Kept())
    new: list[Question] = []
    for question in questions:
        if question not in new and all(question != each for each, _ in kept.answers):
            new.append(question)
    new = list(_fitting(new))
    found = host.get_fact(_Together, questions=new) if new else []
    if len(found) == len(new):
        for question, said in zip(new, found, strict=True):
            with suppress(ValueError):
                kept.answers.append((question, question.fact().answer(said)))


def first_questions() -> list[Question]:
    """Find what each operation that is to be carried out on the host at hand will ask first.

    Returns nothing in a run that looks for changes before: there the operations have asked already.
    """
    here = ctx_host.get()
    if here.state.should_check_for_changes():
        return []
    kept = _kept.setdefault(here, _Kept())
    found = []
    kept.ahead = True
    try:
        for operation in here.state.ops[here].values():
            with closing(operation.command_generator()) as commands:
                try:
                    next(commands, None)
                except _Asked as asked:
                    found.append(asked.question)
    finally:
        kept.ahead = False
    return found


def _begins(here: Host, kept: _Kept) -> bool:
    """Tell whether the operation at hand asks its first question; later, it may have changed something.

    One that is tried again has begun, too. Outside operations nothing is changed.
    """
    operation = here.current_op_hash
    if operation is None:
        return True
    first = operation not in kept.begun
    kept.begun.add(operation)
    return first


def _holds(here: Host) -> bool:
    """Tell whether nothing was changed since; while pyinfra waits for a person, anybody may."""
    if here.state.is_executing and here.state.should_check_for_changes():
        return False
    done = [each.operation_meta for each in here.state.ops[here].values()]
    return not any(each.is_complete() and (each.executed or each.was_retried) for each in done)


def _fitting(questions: Iterable[Question]) -> Iterator[Question]:
    """Leave out what would make the command too long."""
    length = 0
    for question in questions:
        more = len(quote(question.command().get_raw_value()).encode())
        if length + more <= LONGEST:
            length += more
            yield question
