"""Facts that `ostree-release` gives on the server, as its own JSON. None of them changes anything."""

from __future__ import annotations

import json
from typing import Any

from pyinfra.api import FactBase, StringCommand

from tasks.refusals import server_reason
from tasks.release_commands import approver, composer, promoter

Answer = dict[str, Any]
# Around what one role's call printed: an earlier one may have been refused.
_BEGINS, _ENDS = "==begin", "==end"


def answer(output: list[str], role: str) -> Answer:
    """Read the JSON document that `ostree-release --json` prints as its last line.

    Args:
        output: everything it printed, standard error included.
        role: the role it was called as, for the reason when it was not even started.

    Returns:
        The document; {"error": one line} for a refusal of the program or of sudo.
    """
    try:
        document = json.loads(output[-1])
    except (ValueError, IndexError):
        document = None
    return document if isinstance(document, dict) else {"error": server_reason(output, role)}


class ReleaseStatus(FactBase[Answer]):
    """What every environment and ring of a server holds (`ostree-release status`).

    + role: "composer" to ask as one; "reader" to ask as whatever role the login has
    """

    def command(self, role: str) -> StringCommand:
        calls = (
            [composer("status")]
            if role == "composer"
            else [each("status") for each in (promoter, approver, composer)]
        )
        tries = [StringCommand(call, "--json", "2>&1") for call in calls]
        return StringCommand(*tries, "true", _separator=" || ")

    @staticmethod
    def default() -> Answer:
        return {"error": "ostree-release said nothing"}

    def process(self, output: list[str]) -> Answer:
        return answer(output, "reader")


class Changelog(FactBase[Answer]):
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
        tries = [
            StringCommand(
                f"{{ printf '\\n{_BEGINS}\\n';", call, "2>&1", "&&", f"printf '\\n{_ENDS}\\n';", "}"
            )
            for call in calls
        ]
        return StringCommand(*tries, "true", _separator=" || ")

    @staticmethod
    def default() -> Answer:
        return {"error": "ostree-release said nothing"}

    def process(self, output: list[str]) -> Answer:
        if output[-1] != _ENDS:
            return {"error": server_reason([line for line in output if line not in (_BEGINS, "")], "reader")}
        begins = len(output) - output[::-1].index(_BEGINS)
        lines = output[begins:-1]
        return {"lines": lines[:-1] if lines[-1:] == [""] else lines}


class Promoted(FactBase[Answer]):
    """How a promoting environment stands after a promotion, and who has just changed it.

    + environment: name of the environment

    Two answers of `ostree-release` in one command: {"status": ..., "log": ...}.
    """

    def command(self, environment: str) -> StringCommand:
        return StringCommand(
            promoter("status"),
            "--json",
            "2>/dev/null;",
            promoter("log", environment=environment),
            "--json",
            "2>/dev/null",
            "||",
            "true",
        )

    @staticmethod
    def default() -> Answer:
        return {"error": "ostree-release said nothing"}

    def process(self, output: list[str]) -> Answer:
        if len(output) != 2:
            return {"error": "ostree-release did not answer"}
        return {"status": answer(output[:1], "promoter"), "log": answer(output[1:], "promoter")}


class ApprovalPlan(FactBase[Answer]):
    """What the gates found about a candidate or release and nobody has approved (`approve --plan`).

    + version: of the candidate or release
    + to: promoting environment
    + ring: ring that it is to go to, or None for the first
    + through: last of the rings that it is to go to, or None
    """

    def command(
        self, version: str, to: str, ring: str | None = None, through: str | None = None
    ) -> StringCommand:
        call = approver("approve", version, to=to, ring=ring, through=through)
        return StringCommand(call, "--plan", "--json", "2>&1", "||", "true")

    @staticmethod
    def default() -> Answer:
        return {"error": "ostree-release said nothing"}

    def process(self, output: list[str]) -> Answer:
        return answer(output, "approver")


class Holds(FactBase[Answer]):
    """What is held on a server, by whom and why (`ostree-release hold`)."""

    def command(self) -> StringCommand:
        return StringCommand(approver("hold"), "--json", "2>&1", "||", "true")

    @staticmethod
    def default() -> Answer:
        return {"error": "ostree-release said nothing"}

    def process(self, output: list[str]) -> Answer:
        return answer(output, "approver")


class PromotionPlan(FactBase[Answer]):
    """What a promotion would do now (`ostree-release promote --plan`), asked as the promoter.

    + to: environment to promote to
    + build: version or checksum of a build, or None for the newest
    + ring: name of the ring, or None for the first
    + through: name of the last ring that gets the release in this one run, or None
    + reason: why; needed with through
    """

    def command(
        self,
        to: str,
        build: str | None = None,
        ring: str | None = None,
        through: str | None = None,
        reason: str | None = None,
    ) -> StringCommand:
        call = promoter("promote", to=to, build=build, ring=ring, through=through, reason=reason)
        return StringCommand(call, "--plan", "--json", "2>&1", "||", "true")

    @staticmethod
    def default() -> Answer:
        return {"error": "ostree-release said nothing"}

    def process(self, output: list[str]) -> Answer:
        return answer(output, "promoter")


class EnvironmentKeys(FactBase[Answer]):
    """Which keys clients of an environment are to trust, and which one is in use (`ostree-release keys`).

    + environment: name of the environment
    """

    def command(self, environment: str) -> StringCommand:
        return StringCommand(promoter("keys", to=environment), "--json", "2>&1", "||", "true")

    @staticmethod
    def default() -> Answer:
        return {"error": "ostree-release said nothing"}

    def process(self, output: list[str]) -> Answer:
        return answer(output, "promoter")
