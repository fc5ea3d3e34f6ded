"""Facts that `ostree-release` gives on the server, as its own JSON. None of them changes anything."""

from __future__ import annotations

from typing import Any, ClassVar

from pyinfra.api import FactBase, StringCommand

from tasks.facts.documents import Shape, document, wrong
from tasks.facts.entry_points import approver, composer, promoter
from tasks.facts.refusals import server_reason
from tasks.facts.said import Said, asked, replies

Answer = dict[str, Any]

# What is used here of each answer.
_TEXT = (None, str)
_PACKAGES = {
    "upgraded?": [{"name": str, "old": str, "new": str}],
    "downgraded?": [{"name": str, "old": str, "new": str}],
    "added?": [{"name": str, "new": str}],
    "removed?": [{"name": str, "old": str}],
}
NEXT = {"task": str, "data": {"*": str}}
_COMMIT = {"version": str, "checksum": str, "timestamp": int}
_RING = {"name": str, "ref": str, "release": (None, _COMMIT), "behind": (None, {"*": int})}
_COMPOSED = {"composed": bool, "ref": str, "build": (None, _COMMIT), "reports?": [dict]}
_STATUS = {
    "environments": {"*": (_COMPOSED, {"composed": bool, "rings": [_RING]})},
    "warnings?": [str],
}
_LOG = {"entries": [{"actor?": str}]}
_MOVED = {"version": str, "checksum": _TEXT}
_PLAN = {
    "outcome": str,
    "environment": str,
    "ring": str,
    "build": {"version": str, "checksum": str},
    "release": {"version": str, "serial": int, "checksum": _TEXT},
    "moves": [{"ref": str, "from": (None, _MOVED), "to": _MOVED}],
    "gates": {"*": (None, {"open": [str], "approve": (None, NEXT)})},
    "held": [{"kind": str, "label": str, "reason": str, "actor": str}],
    "expect": {"build": str, "tip": str},
    "packages": _PACKAGES,
    "repairs": [str],
}
_APPROVAL = {
    "environment": str,
    "rings": [str],
    "release": {"version": str},
    "findings": [{"gate": str, "answer": str, "line": str}],
    "digest": str,
}
_HOLDS = {"holds": [{"kind": str, "label": str, "reason": str, "actor": str, "time": str}]}
REQUEST = {
    "version": str,
    "checksum": str,
    "commit": str,
    "build_commit": _TEXT,
    "build": _TEXT,
    "serial": int,
    "parent": {"checksum": _TEXT, "version": _TEXT},
    "bindings": [str],
    "signatures": [str],
    "packages": _PACKAGES,
}
CHANGED_KEYS = {"outcome": str, "key": str, "next": NEXT, "signed?": [str]}
_KEYS = {
    "environment": str,
    "in_use": _TEXT,
    "keys": [{"fingerprint": str, "in_use": bool, "here": (None, bool), "unsigned": [str]}],
}


def answer(output: list[str], role: str, shape: Shape) -> Answer:
    """Read the JSON document that `ostree-release --json` prints.

    Args:
        output: what a command of `asked` printed that calls it, perhaps as one role after the other.
        role: the role it was called as, for the reason when it was not even started.
        shape: what is used of the document.

    Returns:
        The document; {"error": one line} for a refusal of the program or of sudo, or where it is no answer.
    """
    try:
        tried = replies(output)
    except ValueError as error:
        return {"error": f"the server {error}"}
    return _answer(tried, role, shape)


def _answer(tried: list[Said], role: str, shape: Shape) -> Answer:
    if tried[-1].status:
        return _refusal(tried, role)
    try:
        found = document(tried[-1].lines, {})
    except ValueError as error:
        return {"error": f"ostree-release {error}"}
    if isinstance(found.get("error"), str):
        return {"error": found["error"]}
    problem = wrong(found, shape)
    if problem:
        other = "it is of another version than these tasks: run deploy.py first"
        return {"error": f"ostree-release gave an answer that cannot be used ({problem}): {other}"}
    return found


def _refusal(tried: list[Said], role: str) -> Answer:
    """Give the program's own reason, whichever role it said it to; else why it was not started."""
    for said in reversed(tried):
        try:
            return {"error": document(said.lines, {"error": str})["error"]}
        except ValueError:
            continue
    return {"error": server_reason([line for said in tried for line in said.words], role)}


class _Asked(FactBase[Answer]):
    """What one subcommand says as JSON. role: as which it is asked; shape: what is used of its answer."""

    role: ClassVar[str]
    shape: ClassVar[Shape]

    @staticmethod
    def default() -> Answer:
        return {"error": "ostree-release said nothing"}

    def process(self, output: list[str]) -> Answer:
        return answer(output, self.role, self.shape)


class ReleaseStatus(_Asked):
    """What every environment and ring of a server holds (`ostree-release status`).

    + role: "composer" to ask as one; "reader" to ask as whatever role the login has
    """

    role = "reader"
    shape = _STATUS

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
            return _refusal(tried, "reader")
        return {"lines": tried[-1].lines} if tried[-1].lines else {"error": "ostree-release printed nothing"}


class Promoted(_Asked):
    """How a promoting environment stands after a promotion, and who has just changed it.

    + environment: name of the environment

    Two answers of `ostree-release` in one command: {"status": ..., "log": ...}.
    """

    def command(self, environment: str) -> StringCommand:
        log = promoter("log", environment=environment)
        return StringCommand(
            asked(StringCommand(promoter("status"), "--json")), ";", asked(StringCommand(log, "--json"))
        )

    def process(self, output: list[str]) -> Answer:
        try:
            tried = replies(output)
        except ValueError as error:
            return {"error": f"the server {error}"}
        if len(tried) != 2:
            return {"error": "the server gave an answer that ends in the middle"}
        status, log = tried
        return {"status": _answer([status], "promoter", _STATUS), "log": _answer([log], "promoter", _LOG)}


class ApprovalPlan(_Asked):
    """What the gates found about a candidate or release and nobody has approved (`approve --plan`).

    + version: of the candidate or release
    + to: promoting environment
    + ring: ring that it is to go to, or None for the first
    + through: last of the rings that it is to go to, or None
    """

    role = "approver"
    shape = _APPROVAL

    def command(
        self, version: str, to: str, ring: str | None = None, through: str | None = None
    ) -> StringCommand:
        call = approver("approve", version, to=to, ring=ring, through=through)
        return asked(StringCommand(call, "--plan", "--json"))


class Holds(_Asked):
    """What is held on a server, by whom and why (`ostree-release hold`)."""

    role = "approver"
    shape = _HOLDS

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
    shape = _PLAN

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
    shape = _KEYS

    def command(self, environment: str) -> StringCommand:
        return asked(StringCommand(promoter("keys", to=environment), "--json"))
