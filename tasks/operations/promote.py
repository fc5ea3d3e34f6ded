"""Promote a build to a ring, as `ostree-release` on the server planned it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from pyinfra import host
from pyinfra.api import FunctionCommand, Host, State, StringCommand, operation

from tasks.facts.release import ReleaseStatus
from tasks.failures import failed
from tasks.interrupts import explained
from tasks.refusals import server_reason
from tasks.release_commands import promoter
from tasks.words import package_lines, short


@operation()
def promote(plan: dict[str, Any], reason: str | None = None) -> Generator[FunctionCommand, None, None]:
    """Do what a plan says, and nothing if the server has moved on since the plan was made.

    + plan: answer of the fact PromotionPlan
    + reason: why, for the journal
    """
    if plan["outcome"] == "unchanged":
        host.noop(standing(plan))
        return
    expect = plan["expect"]
    command = promoter(
        "promote",
        to=plan["environment"],
        ring=plan["ring"],
        build=expect["build"],
        expect_build=expect["build"],
        expect_tip=expect["tip"],
        reason=reason,
    )
    yield FunctionCommand(follow_promotion, (command.get_raw_value(), plan["environment"], plan["ring"]), {})


def follow_promotion(state: State, host: Host, command: str, environment: str, ring: str) -> bool:
    """Run a promotion with its progress shown, then say what the ring holds and what comes next.

    Returns:
        False when it was refused or failed, with the reason said.
    """
    again = f"pyinfra INVENTORY promote.py -y --data to={environment} --data ring={ring}"
    with explained(
        f"The promotion may go on on {host.name}. It is safe to run it again, and that completes it: {again}"
    ):
        success, output = host.run_shell_command(StringCommand(command), print_output=True)
    if not success:
        return failed(host, server_reason(output.stderr_lines or output.stdout_lines, "promoter"))
    for line in result_lines(host.get_fact(ReleaseStatus), environment, ring):
        host.log_styled(line, fg="green")
    return True


def standing(plan: dict[str, Any]) -> str:
    """Say that a ring already has what was asked for."""
    release = plan["release"]
    return f"{plan['environment']}/{plan['ring']} already has {release['version']}: nothing to do"


def plan_lines(plan: dict[str, Any]) -> list[str]:
    """Tell a person what a promotion would do: the build, the refs that move, the packages that change."""
    if plan["outcome"] == "unchanged":
        return [standing(plan)]
    if plan["outcome"] == "repair":
        return [
            f"{standing(plan)}, except what an interruption left behind:",
            *(f"  repair {text}" for text in plan["repairs"]),
        ]
    build, release = plan["build"], plan["release"]
    lines = [
        f"build {build['version']} ({short(build['checksum'])}) -> release {release['version']},"
        f" serial {release['serial']}, for {plan['environment']}/{plan['ring']}"
    ]
    lines += [f"  {move['ref']}: {_commit(move['from'])} -> {_commit(move['to'])}" for move in plan["moves"]]
    lines += [f"  repair {text}" for text in plan["repairs"]]
    packages = package_lines(plan["packages"])
    return lines + [f"  {line}" for line in packages or ["no package changes"]]


def result_lines(status: dict[str, Any], environment: str, ring: str) -> list[str]:
    """Say which version is where now and what to type next.

    Args:
        status: answer of the fact ReleaseStatus.
        environment: where something was promoted to.
        ring: the ring that it was promoted to.

    Returns:
        Lines; the last one is the next command.
    """
    if "error" in status:
        return [f"{environment}/{ring} is done, but its state could not be read: {status['error']}"]
    rings = status["environments"][environment]["rings"]
    held = [
        f"{each['name']} {each['release']['version'] if each['release'] else '(nothing)'}" for each in rings
    ]
    names = [each["name"] for each in rings]
    current = rings[names.index(ring)]["release"]
    lines = [f"Now in {environment}: {', '.join(held)}"]
    upgrade = "pyinfra INVENTORY tasks/upgrade.py -y --data reboot=yes --limit CLIENTS"
    later = names[names.index(ring) + 1 :]
    behind = later and (rings[names.index(later[0])]["release"] or {}).get("checksum") != (current or {}).get(
        "checksum"
    )
    if behind:
        to = "" if environment == "prod" else f" --data to={environment}"
        lines.append(
            f"Next: {upgrade}; when they are well: pyinfra INVENTORY promote.py -y{to} --data ring={later[0]}"
        )
    else:
        lines.append(f"Next: {upgrade}")
    return lines


def _commit(commit: dict[str, Any] | None) -> str:
    if commit is None:
        return "(nothing)"
    return f"{commit['version']} ({short(commit['checksum'])})" if commit["checksum"] else commit["version"]
