"""The steps of a promotion alone: stage, sign, publish."""

from __future__ import annotations

from typing import Any

from ..config import Environment
from ..context import Context
from ..errors import Refused
from ..model import Commit
from ..repo import Repository
from ..signing import keyring
from ..signing.sign import sign
from .publish import publish
from .road import Request, following, look, look_at
from .stage import stage
from .survey import Survey


def stage_only(context: Context, request: Request) -> dict[str, Any]:
    """Stage a build for the first ring and do no more; returns the result as it is printed."""
    environment, _ = context.config.promoting(request.environment)
    with context.changing(environment, "stage"):
        road = look(context, request)
        release = stage(context, road.source, road.repository, road.survey, road.plan)
    found = road.plan.release is not None
    return _step("unchanged" if found else "staged", environment, release, "check")


def sign_only(context: Context, name: str, version: str | None) -> dict[str, Any]:
    """Sign a candidate (default: the newest) and do no more; returns the result as it is printed."""
    environment, _ = context.config.promoting(name)
    with context.changing(environment, "sign"):
        repository = Repository(environment.repository)
        candidate = _candidate(look_at(context, environment, repository), version)
        signed = sign(context, environment, repository, candidate)
    return _step("signed" if signed else "unchanged", environment, candidate, "publish")


def publish_only(context: Context, name: str, version: str | None, reason: str | None) -> dict[str, Any]:
    """Publish a signed candidate and move the first ring to it; returns the result as it is printed.

    Run again, it completes what an interruption or a failed smoke pull left after the candidate had ended.
    """
    environment, _ = context.config.promoting(name)
    with context.changing(environment, "publish") as repair:
        repository = Repository(environment.repository)
        seen = look_at(context, environment, repository)
        ring = environment.rings[0]
        tip = seen.at(ring.ref)
        candidate = seen.to_publish(version) or _candidate(seen, version)
        if candidate not in seen.releases and not seen.is_valid_candidate(candidate):
            raise Refused(f"candidate {candidate.version}: overtaken by a newer release: stage it again")
        keys = frozenset({keyring.in_use(context, environment)})
        if not repository.signed_by(candidate.checksum, environment.public_key, keys):
            raise Refused(
                f"candidate {candidate.version}: not signed with the key of {environment.name}: sign it first"
            )
        details = {"reason": reason} if reason else {}
        missing = [*repair.lines, *publish(context, environment, repository, candidate, ring, details)]
    outcome = "published" if tip != candidate else "repaired" if missing else "unchanged"
    return _step(outcome, environment, candidate, None)


def _candidate(seen: Survey, version: str | None) -> Commit:
    for candidate in reversed(seen.candidates):
        if version in (None, candidate.version):
            return candidate
    named = f"candidate {version}" if version else "candidate"
    raise Refused(f"no {named} in {seen.environment.name}: stage a build first")


def _step(outcome: str, environment: Environment, release: Commit, after: str | None) -> dict[str, Any]:
    step = (
        f"ostree-release {after} --to {environment.name}"
        if after
        else following(environment, environment.rings[0])
    )
    return {
        "outcome": outcome,
        "environment": environment.name,
        "release": {"version": release.version, "checksum": release.checksum, "serial": release.serial},
        "next": step,
    }
