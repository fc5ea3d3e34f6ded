"""A release is signed on this machine: its bytes come here, are read here, and only a signature goes back."""

import base64
from typing import Any

from pyinfra.api import Host, State

from tasks.facts.entry_points import promoter
from tasks.pyinfra_gaps.failures import failed
from tasks.releases.call import call, say
from tasks.signing import commit_object, laptop_keys


def stage_and_sign(state: State, host: Host, plan: dict[str, Any], key: str, bindings: list[str]) -> bool:
    """Stage what a plan says if it is not, have it checked, and sign it here if its signature is missing.

    + state: pyinfra's
    + host: the server
    + plan: what `promote --plan` says, which is something to do
    + key: fingerprint of the key on this machine
    + bindings: the refs that a new release may be offered under, from this machine's own settings

    Returns False when something was refused, with the reason said; no ring has moved then.
    """
    to, version = plan["environment"], plan["release"]["version"]
    expected: dict[str, Any] = {"version": version, "serial": str(plan["release"]["serial"])}
    if plan["outcome"] == "promote":
        expected |= {"build": plan["build"]["checksum"]}
        # A release that is out already keeps the refs it was bound to, whatever the settings say today.
        if any(move["ref"].endswith(f"/releases/{version}") and not move["from"] for move in plan["moves"]):
            expected |= {"bindings": tuple(sorted(bindings))}
            if not plan["release"]["checksum"]:
                staged = call(host, promoter("stage", to=to, build=plan["build"]["checksum"]), "promoter")
                if "error" in staged:
                    return failed(host, staged["error"])
            # What it found is in the answer to the request.
            call(host, promoter("check", version, to=to), "promoter")
    return sign_here(host, to, version, key, expected)


def sign_here(host: Host, to: str, version: str, key: str, expected: dict[str, Any]) -> bool:
    """Sign a candidate or release of an environment with a key of this machine, unless that is done.

    + host: the server
    + to: the environment
    + version: of the candidate or release
    + key: fingerprint
    + expected: what is known here of the commit, see `commit_object.differences`

    Returns False when something was refused, with the reason said.
    """
    request = call(host, promoter("sign", "--request", to=to, version=version), "promoter", "request")
    if "error" in request:
        return failed(host, request["error"])
    if key in request["signatures"]:
        host.log(f"{version} is signed with {key} already")
        return True
    try:
        data = base64.b64decode(request["commit"], validate=True)
        build = request["build_commit"] and commit_object.read(base64.b64decode(request["build_commit"]))
        said = {"checksum": request["checksum"], "parent": request["parent"]["checksum"]}
        wrong = commit_object.differences(commit_object.read(data), {**said, **expected}, build)
        problem = f"not what was shown: {'; '.join(wrong)}" if wrong else None
    except (ValueError, KeyError, TypeError) as error:
        problem = f"no release ({error})"
    if problem:
        return failed(host, f"{version}: what the server wants signed is {problem}: nothing was signed")
    say(host, "request", {**request, "next": None})
    tree = "the same tree as" if build else "its tree could not be compared with that of"
    host.log(f"{tree} build {request['build']}")
    host.log(f"Signing with {key} on this machine")
    try:
        signature = laptop_keys.sign(key, data)
    except laptop_keys.LaptopKeyError as error:
        return failed(host, f"{error}; no ring was moved")
    command = promoter("sign", "--attach", to=to, version=version, expect=request["checksum"])
    attached = call(host, command, "promoter", stdin=signature)
    if "error" in attached:
        return failed(host, attached["error"])
    return True
