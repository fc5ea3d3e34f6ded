"""Staging: a build becomes a candidate, in one transaction of the promoting repository."""

from __future__ import annotations

from .. import disk
from ..clock import release_timestamp
from ..config import Environment
from ..context import Context
from ..errors import Refused
from ..judging import hold
from ..model import Commit, Move
from ..repo import OWN_METADATA, Repository
from ..signing import gpg
from .plan import Plan
from .publish import update_summary
from .survey import Survey


def stage(
    context: Context,
    source: Environment,
    repository: Repository,
    survey: Survey,
    plan: Plan,
) -> Commit:
    """Return the release or candidate that the plan found, else stage one.

    The build is copied by checksum with every object verified, and its signature must be one of the source
    environment's own key. The candidate has all of its metadata, bound to all refs it may be offered under.
    """
    if plan.release:
        return plan.release
    origin = Repository(source.repository)
    hold.refuse_held(context, origin, origin.commit(plan.build))
    disk.require(
        f"promotion to {survey.environment.name}", context.config.minimum_free_bytes, repository.path
    )
    newest = survey.newest
    timestamp = release_timestamp(newest)
    keys = gpg.fingerprints(source.public_key)
    context.say(f"Staging {plan.build_version} from {source.name} as {plan.version} (serial {plan.serial})")
    with repository.transaction() as transaction:
        transaction.copy_build(origin, plan.build)
        if not repository.signed_by(plan.build, source.public_key, keys):
            raise Refused(f"build {plan.build_version}: not signed with the key of {source.name}")
        checksum = transaction.write_release(
            build=plan.build,
            parent=newest.checksum if newest else None,
            timestamp=timestamp,
            refs=survey.bindings(plan.version),
            fields={
                "version": plan.version,
                OWN_METADATA + "serial": str(plan.serial),
                OWN_METADATA + "build": plan.build,
                OWN_METADATA + "journal": context.journal.head(),
            },
        )
        moves = [*_replaced(survey, plan), _new_candidate(survey, plan, checksum)]
        for move in moves:
            transaction.move(move)
        with context.journal.move(
            context.actor, "stage", survey.environment.name, moves, version=plan.version
        ):
            transaction.commit()
    update_summary(context, survey.environment, repository)
    return repository.commit(checksum)


def _new_candidate(survey: Survey, plan: Plan, checksum: str) -> Move:
    ref = survey.environment.candidate_ref(plan.version)
    return Move(ref, survey.refs.get(ref), checksum)


def _replaced(survey: Survey, plan: Plan) -> list[Move]:
    """Return the deletions of the same build's other candidates, and of those that a release has overtaken.

    An overtaken one can never be signed or published, nor is an approval of it of use any more.
    """
    return [
        Move(survey.environment.candidate_ref(candidate.version), candidate.checksum, None)
        for candidate in survey.candidates
        if candidate.version != plan.version
        and (candidate.build == plan.build or not survey.is_valid_candidate(candidate))
    ]
