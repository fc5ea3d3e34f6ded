"""Facts that `ostree-release` gives on the server, as its own JSON. None of them changes anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pyinfra.api import FactBase, StringCommand

from ostree_release.text import as_typed
from ostree_release.words.render import render
from tasks.facts.documents import document
from tasks.facts.entry_points import approver, composer, promoter
from tasks.facts.refusals import server_reason
from tasks.facts.said import Said, asked, replies

Answer = dict[str, Any]


def worded(kind: str, found: Answer) -> list[str]:
    """Return an answer in the server's own words, with what is to be typed on this laptop.

    Args:
        kind: the subcommand, or a variant of it.
        found: what it answered.
    """
    return [as_typed(line) for line in render(kind, found)]


def answer(output: list[str], role: str, kind: str | None) -> Answer:
    """Read the JSON document that `ostree-release --json` prints.

    Args:
        output: what a command of `asked` printed that calls it, perhaps as one role after the other.
        role: the role it was called as, for the reason when it was not even started.
        kind: what the document is, for its words; None where it is not used.

    Returns:
        The document; {"error": one line} for a refusal of the program or of sudo, or where it is no answer.
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
            return {"error": f"ostree-release gave an answer that cannot be used ({error!r}): {other}"}
        return {"error": "; ".join(lines)} if said.status else found
    return {"error": _refusal(tried, role) if tried[-1].status else f"ostree-release {problem}"}


def _refusal(tried: Sequence[Said], role: str) -> str:
    return as_typed(server_reason([line for said in tried for line in said.words], role))


class _Asked(FactBase[Answer]):
    """What one subcommand says as JSON. role: as which it is asked; kind: what it answers."""

    role: ClassVar[str]
    kind: ClassVar[str]

    @staticmethod
    def default() -> Answer:
        return {"error": "ostree-release said nothing"}

    def process(self, output: list[str]) -> Answer:
        return answer(output, self.role, self.kind)


class ReleaseStatus(_Asked):
    """What every environment and ring of a server holds (`ostree-release status`).

    + role: "composer" to ask as one; "reader" to ask as whatever role the login has
    """

    role = "reader"
    kind = "status"

    def command(self, role: str) -> StringCommand:
        calls = (
            [composer("status")]
            if role == "composer"
            else [each("status") for each in (promoter, approver, composer)]
        )
        return asked(*(StringCommand(call, "--json") for call in calls))


class Changelog(_Asked):
    """The changelog of a promoting environment, in the server's own words (`ostree-release changelog`).

    + to: name of the environment
    + ring: only what reached this ring, or None
    + version: only this release, or None
    + form: "text", "markdown" or "json"

    {"lines": ...}, or {"error": one line}.
    """

    def command(
        self, to: str, ring: str | None = None, version: str | None = None, form: str = "text"
    ) -> StringCommand:
        release = [version] if version else []
        calls = (
            each("changelog", *release, to=to, ring=ring, format=form)
            for each in (promoter, approver, composer)
        )
        return asked(*calls)

    def process(self, output: list[str]) -> Answer:
        try:
            tried = replies(output)
        except ValueError as error:
            return {"error": f"the server {error}"}
        if tried[-1].status:
            return {"error": _refusal(tried, "reader")}
        return {"lines": tried[-1].lines} if tried[-1].lines else {"error": "ostree-release printed nothing"}


class ApprovalPlan(_Asked):
    """What the gates found about a candidate or release and nobody has approved (`approve --plan`).

    + version: of the candidate or release
    + to: promoting environment
    + ring: ring that it is to go to, or None for the first
    + through: last of the rings that it is to go to, or None
    """

    role = "approver"
    kind = "approve"

    def command(
        self, version: str, to: str, ring: str | None = None, through: str | None = None
    ) -> StringCommand:
        call = approver("approve", version, to=to, ring=ring, through=through)
        return asked(StringCommand(call, "--plan", "--json"))


class Holds(_Asked):
    """What is held on a server, by whom and why (`ostree-release hold`)."""

    role = "approver"
    kind = "hold"

    def command(self) -> StringCommand:
        return asked(StringCommand(approver("hold"), "--json"))


class PromotionPlan(_Asked):
    """What a promotion would do now (`ostree-release promote --plan`), asked as the promoter.

    + to: environment to promote to
    + build: version or checksum of a build, or None for the newest
    + ring: name of the ring, or None for the first
    + through: name of the last ring that gets the release in this one run, or None
    + reason: why; needed with through
    """

    role = "promoter"
    kind = "plan"

    def command(
        self,
        to: str,
        build: str | None = None,
        ring: str | None = None,
        through: str | None = None,
        reason: str | None = None,
    ) -> StringCommand:
        call = promoter("promote", to=to, build=build, ring=ring, through=through, reason=reason)
        return asked(StringCommand(call, "--plan", "--json"))


class EnvironmentKeys(_Asked):
    """Which keys clients of an environment are to trust, and which one is in use (`ostree-release keys`).

    + environment: name of the environment
    """

    role = "promoter"
    kind = "keys"

    def command(self, environment: str) -> StringCommand:
        return asked(StringCommand(promoter("keys", to=environment), "--json"))
