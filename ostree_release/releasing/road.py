"""What one promotion works on: the request, both repositories, and what was decided."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from ..composing import builds
from ..config import Environment, Ring
from ..context import Context
from ..errors import Refused
from ..proof.anchor import is_due
from ..repo import Repository
from ..signing import keyring
from .plan import Plan
from .plan import promote as decide
from .survey import Survey


@dataclass(frozen=True)
class Request:
    """What somebody asked for.

    through: the last ring of those that get one release in one run, beginning with the first; expect_build,
    expect_tip: checksums of an earlier plan, still due; laptop_gate: a gate that passed on the laptop.
    """

    environment: str
    build: str | None = None
    ring: str | None = None
    reason: str | None = None
    expect_build: str | None = None
    expect_tip: str | None = None
    through: str | None = None
    laptop_gate: str | None = None

    @property
    def details(self) -> dict[str, str]:
        """What the journal is to say of the moves."""
        given = {"reason": self.reason, "through": self.through, "laptop_gate": self.laptop_gate}
        return {key: value for key, value in given.items() if value}

    @classmethod
    def of(cls, options: argparse.Namespace) -> Request:
        """Return what the arguments of `promote` ask for."""
        return cls(
            environment=options.to,
            build=options.build,
            ring=options.ring,
            reason=options.reason,
            expect_build=options.expect_build,
            expect_tip=options.expect_tip,
            through=options.through,
            laptop_gate=options.laptop_gate,
        )


@dataclass(frozen=True)
class Road:
    """What one promotion works on, and what was decided about it."""

    environment: Environment
    source: Environment
    repository: Repository
    survey: Survey
    plan: Plan


def look(context: Context, request: Request) -> Road:
    """Read both repositories and decide; refuses what the rules or the request's expectations forbid."""
    environment, source = context.config.promoting(request.environment)
    ring = environment.ring(request.ring)
    first = environment.rings[0]
    if request.build and ring != first:
        raise Refused(
            f"build {request.build}: only the first ring, {first.name}, takes a build; "
            f"{ring.name} takes what is in the ring before it"
        )
    build = builds.find(source, Repository(source.repository), request.build) if ring == first else None
    repository = Repository(environment.repository)
    seen = look_at(context, environment, repository)
    plan = decide(seen, ring, build)
    if request.expect_build not in (None, plan.build):
        raise Refused(
            f"build {request.expect_build} was expected, but it is {plan.build} now: look at the plan again"
        )
    if request.expect_tip not in (None, plan.tip_or_none):
        raise Refused(
            f"ring {ring.name} was expected at {request.expect_tip}, but it is at {plan.tip_or_none} now: "
            "look at the plan again"
        )
    return Road(environment, source, repository, seen, plan)


def look_at(context: Context, environment: Environment, repository: Repository) -> Survey:
    """Read a promoting environment."""
    refs = repository.refs()
    ours = {checksum for ref, checksum in refs.items() if ref.startswith(f"{environment.home}/")}
    tips = {refs[ring.ref] for ring in environment.rings if ring.ref in refs}
    keys = frozenset({keyring.in_use(context, environment)})
    return Survey(
        environment=environment,
        refs=refs,
        commits={checksum: repository.commit(checksum) for checksum in ours},
        signed=frozenset(tip for tip in tips if repository.signed_by(tip, environment.public_key, keys)),
        summary=repository.summary(),
        interrupted=len(context.journal.interrupted(environment.name)),
        unanchored=is_due(context, environment),
    )


def following(environment: Environment, ring: Ring) -> str:
    """Return what to type after a ring has moved."""
    later = environment.rings[environment.rings.index(ring) + 1 :]
    if not later:
        return "pyinfra INVENTORY tasks/upgrade.py"
    to = "" if environment.name == "prod" else f" --data to={environment.name}"
    return f"pyinfra INVENTORY promote.py{to} --data ring={later[0].name}"
