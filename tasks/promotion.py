"""From a plan made on the server to the operation that carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pyinfra.api import Host

from tasks import laptop_keys
from tasks.facts.release import Answer, EnvironmentKeys, PromotionPlan
from tasks.failures import drop
from tasks.image_servers import concerns
from tasks.operations import laptop_gate, laptop_signature
from tasks.operations.promote import plan_lines, promote
from tasks.settings import load_server


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
