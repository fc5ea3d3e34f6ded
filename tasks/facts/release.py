"""What `ostree-release` says on the server, as its own JSON and in its own words."""

from collections.abc import Sequence
from typing import Any

from pyinfra.api import FactBase, StringCommand

from ostree_release.text import as_typed
from ostree_release.words.render import render
from tasks.facts.command_output import Said, asked, replies
from tasks.facts.documents import document
from tasks.facts.entry_points import ENTRY_POINTS
from tasks.facts.error_messages import server_reason

Answer = dict[str, Any]


def worded(kind: str, found: Answer) -> list[str]:
    """Return an answer in the server's own words, with what is to be typed on this laptop.

    + kind: the subcommand, or a variant of it
    + found: what it answered
    """
    return [as_typed(line) for line in render(kind, found)]


def answer(output: list[str], role: str, kind: str | None) -> Answer:
    """Read the JSON document that `ostree-release --json` prints.

    + output: what a command of `asked` printed that calls it, perhaps as one role after the other
    + role: the role it was called as, for the reason when it was not even started
    + kind: what the document is, for its words; None where it is not used

    Returns the document; {"error": one line} for a refusal of the program or of sudo, or where it is no
    answer.
    """
    try:
        return answered(replies(output), role, kind)
    except ValueError as error:
        return {"error": f"the server {error}"}


def answered(tried: Sequence[Said], role: str, kind: str | None) -> Answer:
    """Read what each call has printed, as `answer` does: the last document counts, whichever role it came to.

    What cannot be said in words is of another version, and nothing is decided by it. An exit status that is
    not 0 makes a refusal of whatever was answered.
    """
    problem = None
    for said in reversed(tried):
        try:
            found = document(said.lines, {})
        except ValueError as error:
            problem = problem or error
            continue
        if isinstance(found.get("error"), str):
            return {"error": as_typed(found["error"])}
        try:
            lines = worded(kind, found) if kind else []
        except Exception as error:
            other = "it is of another version than these tasks: run deploy.py first"
            ended = "failed, and" if said.status else "ended well, but"
            return {"error": f"ostree-release {ended} its answer cannot be used ({error!r}): {other}"}
        return {"error": "; ".join(lines)} if said.status else found
    words = [line for said in tried for line in said.words]
    reason = server_reason(words, role) if tried[-1].status else f"ostree-release {problem}"
    return {"error": as_typed(reason)}


class Released(FactBase[Answer]):
    """What a subcommand of `ostree-release` says as JSON. None that is asked here changes anything.

    + kind: what it answers, for the words
    + role: composer, promoter or approver; reader for whichever of them the login has
    + words: the subcommand, its operands and switches
    + options: by name; one that is None is left out

    **Example:**

    .. code:: python

        host.get_fact(
            Released, kind="plan", role="promoter", words=["promote", "--plan"], options={"to": "prod"}
        )
    """

    kind, role = "", "reader"

    @staticmethod
    def default() -> Answer:
        return {"error": "ostree-release said nothing"}

    def command(
        self, kind: str, role: str, words: list[str], options: dict[str, str | None]
    ) -> StringCommand:
        self.kind, self.role = kind, role  # whoever is asked for the command reads the output, too
        return asked(*(each(*words, "--json", **options) for each in ENTRY_POINTS[role]))

    def process(self, output: list[str]) -> Answer:
        return answer(output, self.role, self.kind)
