"""Promoting: from a plan that the server made to the operation that carries out exactly that."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyinfra import host
from pyinfra.api import FunctionCommand, Host, operation

from ostree_release.model import following
from ostree_release.text import command
from tasks.facts.entry_points import promoter
from tasks.facts.release import Answer, worded
from tasks.pyinfra_gaps.failures import drop
from tasks.releases import laptop_gate, laptop_signature
from tasks.releases.call import carried_out, look, say
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

    + plan: what `promote --plan` says
    + build: the build as it was asked for, or None for the newest
    + through: last of the rings that get the release in this run, or None for one ring
    + reason: why, for the journal
    + gate: name of a gate that has passed on the laptop, for the journal
    """
    if plan["outcome"] == "unchanged":
        host.noop(worded("plan", plan)[-1])
        return
    wanted = promoter(
        "promote",
        to=plan["environment"],
        ring=None if through else plan["ring"],
        through=through,
        build=build,
        expect_build=plan["expect"]["build"],
        expect_tip=plan["expect"]["tip"],
        reason=reason,
        laptop_gate=gate,
    )
    again = command(following("promote", plan["environment"], ring=plan["ring"]))
    goes_on = (
        f"The promotion may go on on {host.name}. It is safe to run it again, and that completes it: {again}"
    )
    yield FunctionCommand(carried_out, (wanted.get_raw_value(), "promoter", "promote", goes_on), {})


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
    plan = look(
        host,
        "plan",
        "promoter",
        "promote",
        "--plan",
        to=wanted.to,
        build=wanted.build,
        ring=wanted.ring,
        through=wanted.through,
        reason=wanted.reason,
    )
    if plan is None:
        return
    say(host, "plan", plan)
    gate = Path(wanted.gate).name if wanted.gate else None
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
    keys = look(host, "keys", "promoter", "keys", to=wanted.to)
    if keys is None:
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
