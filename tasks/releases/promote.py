"""Promoting: from a plan that the server made to the operation that carries out exactly that."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyinfra import host
from pyinfra.api import FunctionCommand, Host, State, StringCommand, operation

from ostree_release import text
from ostree_release.model import following
from ostree_release.text import short
from tasks.client.words import package_lines
from tasks.facts.entry_points import promoter
from tasks.facts.refusals import server_reason
from tasks.facts.release import Answer, EnvironmentKeys, Promoted, PromotionPlan
from tasks.pyinfra_gaps.failures import drop, failed
from tasks.pyinfra_gaps.interrupts import explained
from tasks.releases import laptop_gate, laptop_signature
from tasks.server.image_servers import concerns
from tasks.settings.values import load_server
from tasks.signing import laptop_keys


@operation()
def promote(
    plan: dict[str, Any],
    build: str | None = None,
    through: str | None = None,
    reason: str | None = None,
    gate: str | None = None,
) -> Generator[FunctionCommand, None, None]:
    """Do what a plan says, and nothing if the server has moved on since the plan was made.

    + plan: answer of the fact PromotionPlan
    + build: the build as it was asked for, or None for the newest
    + through: last of the rings that get the release in this run, or None for one ring
    + reason: why, for the journal
    + gate: name of a gate that has passed on the laptop, for the journal
    """
    if plan["outcome"] == "unchanged":
        host.noop(standing(plan))
        return
    expect = plan["expect"]
    command = promoter(
        "promote",
        to=plan["environment"],
        ring=None if through else plan["ring"],
        through=through,
        build=build,
        expect_build=expect["build"],
        expect_tip=expect["tip"],
        reason=reason,
        laptop_gate=gate,
    )
    yield FunctionCommand(follow_promotion, (command.get_raw_value(), plan["environment"], plan["ring"]), {})


def follow_promotion(state: State, host: Host, command: str, environment: str, ring: str) -> bool:
    """Run a promotion with its progress shown, then say what the ring holds and what comes next.

    Returns:
        False when it was refused or failed, with the reason said.
    """
    again = text.command(following("promote", environment, ring=ring))
    with explained(
        f"The promotion may go on on {host.name}. It is safe to run it again, and that completes it: {again}"
    ):
        success, output = host.run_shell_command(StringCommand(command, "2>&1"), print_output=True)
    if not success:
        return failed(host, server_reason(output.stdout_lines, "promoter"))
    promoted = host.get_fact(Promoted, environment=environment)
    host.log_styled(result_line(promoted, environment, ring), fg="green")
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
    lines += judgement_lines(plan)
    if plan["expect"]["tip"] == "none":
        return [*lines, "  the ring is empty: there are no packages to compare with"]
    packages = package_lines(plan["packages"])
    return lines + [f"  {line}" for line in packages or ["no package changes"]]


def judgement_lines(plan: dict[str, Any]) -> list[str]:
    """Tell what would keep the promotion from going on, as far as the server knows, and what helps."""
    lines = [f"  HELD {h['kind']} {h['label']}: {h['reason']} ({h['actor']})" for h in plan["held"]]
    for ring, known in plan["gates"].items():
        if known and known["open"]:
            lines += [f"  {plan['environment']}/{ring}: {line}" for line in known["open"]]
            lines += [f"  to let it through: {text.command(known['approve'])}"] if known["approve"] else []
    return lines


def result_line(promoted: dict[str, Any], environment: str, ring: str) -> str:
    """Say which version is where now, by whom, and what to type next.

    Args:
        promoted: answer of the fact Promoted.
        environment: where something was promoted to.
        ring: the ring that it was promoted to.
    """
    answers = [promoted, promoted.get("status", {}), promoted.get("log", {})]
    error = next((each["error"] for each in answers if "error" in each), None)
    if error:
        return f"{environment}/{ring}: promoted, but how things stand now could not be read: {error}"
    rings = promoted["status"]["environments"][environment]["rings"]
    held = ", ".join(f"{each['name']} {_version(each)}" for each in rings)
    actor = next((entry["actor"] for entry in reversed(promoted["log"]["entries"]) if "actor" in entry), "?")
    return f"{environment} has now: {held}; promoted by {actor}. Next: {_next(rings, environment, ring)}"


def _next(rings: list[dict[str, Any]], environment: str, ring: str) -> str:
    """Tell the commands that follow: the ring's clients, then the next ring if it has another release."""
    upgrade = f"{text.command(following('upgrade', reboot='yes'))} --limit CLIENTS"
    position = [each["name"] for each in rings].index(ring)
    later = rings[position + 1] if position + 1 < len(rings) else None
    if later is None or later["release"] == rings[position]["release"]:
        return upgrade
    further = text.command(following("promote", environment, ring=later["name"]))
    return f"{upgrade}; when they are well: {further}"


def _version(ring: dict[str, Any]) -> str:
    return str(ring["release"]["version"]) if ring["release"] else "(nothing)"


def _commit(commit: dict[str, Any] | None) -> str:
    if commit is None:
        return "(nothing)"
    return f"{commit['version']} ({short(commit['checksum'])})" if commit["checksum"] else commit["version"]


@dataclass(frozen=True)
class Wanted:
    """What was asked for.

    to: environment; build: version or checksum, None for the newest; ring: None for the first; through: the
    last ring that gets the release in this run, None for one ring; reason: why, for the journal; gate: path
    of a program that must pass on this machine first, None for none; sign: "laptop" for a signature by a key
    of this machine, None for the server's; key: which one, None for the one in use.
    """

    to: str
    build: str | None = None
    ring: str | None = None
    through: str | None = None
    reason: str | None = None
    gate: str | None = None
    sign: str | None = None
    key: str | None = None


def promote_here(host: Host, wanted: Wanted) -> None:
    """Show what a promotion would do and, if it would do something, add the operation that does it.

    The plan is read once and handed to the operation, which makes the server compare: what was shown is what
    happens, or nothing does.

    Args:
        host: a host of the run; only repository servers are concerned.
        wanted: what was asked for.
    """
    if not concerns(host):
        return
    plan = host.get_fact(
        PromotionPlan,
        to=wanted.to,
        build=wanted.build,
        ring=wanted.ring,
        through=wanted.through,
        reason=wanted.reason,
    )
    gate = Path(wanted.gate).name if wanted.gate else None
    if "error" in plan:
        drop(host, plan["error"])
        return
    for line in plan_lines(plan):
        host.log(line)
    if wanted.gate and plan["outcome"] == "promote":
        host.log(f"  gate {wanted.gate} runs first, on this machine")
        laptop_gate.passed(name=f"Gate {gate}", program=wanted.gate, plan=plan)
    if wanted.sign and plan["outcome"] != "unchanged" and not _sign_here(host, wanted, plan):
        return
    promote(
        name=f"Promote to {plan['environment']}/{plan['ring']}",
        plan=plan,
        build=wanted.build,
        through=wanted.through,
        reason=wanted.reason,
        gate=gate,
    )


def _sign_here(host: Host, wanted: Wanted, plan: Answer) -> bool:
    """Add the signature by this machine; False, with the reason said, where it has not got the key for it."""
    keys = host.get_fact(EnvironmentKeys, environment=wanted.to)
    if "error" in keys:
        drop(host, keys["error"])
        return False
    try:
        key = laptop_keys.find(wanted.key or keys["in_use"], [each["fingerprint"] for each in keys["keys"]])
    except laptop_keys.LaptopKeyError as error:
        drop(host, f"{error}; nothing was moved")
        return False
    if key != keys["in_use"]:
        drop(
            host,
            f"{keys['in_use']} is the key in use in {wanted.to}, not {key}: let it take over first "
            "(tasks/keys.py); nothing was moved",
        )
        return False
    host.log(f"  {plan['release']['version']} is signed on this machine, with {key}, unless it is already")
    environment = load_server(host).environment(wanted.to)
    version = plan["release"]["version"]
    bindings = [f"{environment.home}/{kind}/{version}" for kind in ("candidate", "releases")]
    bindings += [ring.ref for ring in environment.rings]
    laptop_signature.signed(name="Sign on this machine", plan=plan, key=key, bindings=bindings)
    return True
