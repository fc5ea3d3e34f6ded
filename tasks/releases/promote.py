"""Promoting: from a plan that the server made to the operation that carries out exactly that."""

from pathlib import Path
from typing import Any

from pyinfra import host
from pyinfra.api import FunctionCommand, Host, operation
from pyinfra.operations import python

from ostree_release.model import following
from ostree_release.text import command
from tasks.facts.entry_points import promoter
from tasks.facts.release import Answer, worded
from tasks.operations.remote_script import Commands
from tasks.pyinfra_gaps.failures import drop
from tasks.releases.call import carried_out, look, say
from tasks.releases.laptop_gate import run_gate
from tasks.releases.laptop_signature import stage_and_sign
from tasks.settings.load import load_server
from tasks.signing import laptop_keys


@operation()
def promote(plan: dict[str, Any], asked: dict[str, str | None], gate: str | None = None) -> Commands:
    """Do what a plan says, and nothing if the server has moved on since the plan was made.

    + plan: what `promote --plan` says
    + asked: the options that it was asked with
    + gate: name of a gate that has passed on the laptop, for the journal

    **Example:**

    .. code:: python

        promote(name="Promote to prod/pilot", plan=plan, asked={"build": None, "reason": "weekly"})
    """
    if plan["outcome"] == "unchanged":
        host.noop(worded("plan", plan)[-1])
        return
    wanted = promoter(
        "promote",
        **{**asked, "ring": None if asked.get("through") else plan["ring"]},
        expect_build=plan["expect"]["build"],
        expect_tip=plan["expect"]["tip"],
        laptop_gate=gate,
    )
    again = command(following("promote", plan["environment"], ring=plan["ring"]))
    goes_on = (
        f"The promotion may go on on {host.name}. It is safe to run it again, and that completes it: {again}"
    )
    yield FunctionCommand(carried_out, (wanted.get_raw_value(), "promoter", "promote", goes_on), {})


def promote_here(
    host: Host, asked: dict[str, str | None], gate: str | None, sign: bool, key: str | None
) -> None:
    """Show what a promotion would do and, if it would do something, add the operation that does it.

    The plan is read once and handed to the operation, which makes the server compare: what was shown is what
    happens, or nothing does.

    + host: a host of the run; only repository servers are concerned
    + asked: options of `ostree-release promote`: to, build, ring, through, reason
    + gate: path of a program that must pass on this machine first, or None
    + sign: whether a key of this machine signs
    + key: which one; None for the one in use
    """
    plan = look(host, "plan", "promoter", "promote", "--plan", **asked)
    if plan is None:
        return
    say(host, "plan", plan)
    if gate and plan["outcome"] == "promote":
        host.log(f"  gate {gate} runs first, on this machine")
        python.call(name=f"Gate {Path(gate).name}", function=run_gate, program=gate, plan=plan)
    if sign and plan["outcome"] != "unchanged" and not _sign_here(host, plan, key):
        return
    promote(
        name=f"Promote to {plan['environment']}/{plan['ring']}",
        plan=plan,
        asked=asked,
        gate=Path(gate).name if gate else None,
    )


def _sign_here(host: Host, plan: Answer, chosen: str | None) -> bool:
    """Add the signature by this machine; False, with the reason said, where it has not got the key for it."""
    to = plan["environment"]
    keys = look(host, "keys", "promoter", "keys", to=to)
    if keys is None:
        return False
    try:
        key = laptop_keys.find(chosen or keys["in_use"], [each["fingerprint"] for each in keys["keys"]])
    except laptop_keys.LaptopKeyError as error:
        drop(host, f"{error}; nothing was moved")
        return False
    if key != keys["in_use"]:
        drop(
            host,
            f"{keys['in_use']} is the key in use in {to}, not {key}: let it take over first "
            "(tasks/keys.py); nothing was moved",
        )
        return False
    host.log(f"  {plan['release']['version']} is signed on this machine, with {key}, unless it is already")
    environment = load_server(host).environment(to)
    version = plan["release"]["version"]
    bindings = sorted(environment.bindings(version))
    python.call(name="Sign on this machine", function=stage_and_sign, plan=plan, key=key, bindings=bindings)
    return True
