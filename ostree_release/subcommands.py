"""What each subcommand runs: one function each, from its arguments to its result.

libostree is imported inside, by those who need it, so that wrong usage and `config` work without it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from .config import Ring
from .context import Context
from .errors import Refused

Result = dict[str, Any]


def run(options: argparse.Namespace, context: Context) -> tuple[str, Result]:
    """Run the subcommand; returns how its result is to be worded, and the result."""
    if options.subcommand == "promote" and options.plan:
        return "plan", _plan(options, context)
    if options.subcommand == "changelog":
        return f"changelog-{options.format}", _changelog(options, context)
    if options.subcommand == "sign" and options.request:
        return "request", _request(options, context)
    name: str = options.subcommand
    return name, _RUN[name](options, context)


def _compose(options: argparse.Namespace, context: Context) -> Result:
    from .composing.compose import compose

    return compose(context, options.environment, options.version)


def _run_compose(options: argparse.Namespace, context: Context) -> Result:
    from .composing.compose_run import run_compose

    return run_compose(context, options.environment)


def _run_gate(options: argparse.Namespace, context: Context) -> Result:
    from .gates.own_inside import run_gate

    return run_gate(context, options.run)


def _builds(options: argparse.Namespace, context: Context) -> Result:
    from .composing.builds import listing

    composed = [environment.name for environment in context.config.environments if environment.composed]
    return listing(context, context.config.composed(options.environment or composed[0]))


def _promote(options: argparse.Namespace, context: Context) -> Result:
    from .releasing.promote import promote
    from .releasing.road import Request

    return promote(context, Request.of(options))


def _plan(options: argparse.Namespace, context: Context) -> Result:
    from .releasing.promote import plan_only
    from .releasing.road import Request

    return plan_only(context, Request.of(options))


def _auto(options: argparse.Namespace, context: Context) -> Result:
    from .releasing.auto import auto

    return auto(context, options.to)


def _stage(options: argparse.Namespace, context: Context) -> Result:
    from .releasing.road import Request
    from .releasing.steps import stage_only

    return stage_only(context, Request(options.to, build=options.build))


def _request(options: argparse.Namespace, context: Context) -> Result:
    from .signing.offline import request

    return request(context, options.to, options.version)


def _keys(options: argparse.Namespace, context: Context) -> Result:
    from .signing.keys import listing

    return listing(context, options.to)


def _introduce(options: argparse.Namespace, context: Context) -> Result:
    from .signing.keys import introduce

    return introduce(context, options.to, options.key, sys.stdin.buffer)


def _use(options: argparse.Namespace, context: Context) -> Result:
    from .signing.keys import use

    return use(context, options.to, options.key.upper())


def _withdraw(options: argparse.Namespace, context: Context) -> Result:
    from .signing.keys import withdraw

    return withdraw(context, options.to, options.key.upper())


def _sign(options: argparse.Namespace, context: Context) -> Result:
    if options.attach:
        from .signing.offline import attach

        return attach(context, options.to, options.version, options.expect, sys.stdin.buffer)
    from .releasing.steps import sign_only

    return sign_only(context, options.to, options.version)


def _publish(options: argparse.Namespace, context: Context) -> Result:
    from .releasing.steps import publish_only

    return publish_only(context, options.to, options.version, options.reason)


def _check(options: argparse.Namespace, context: Context) -> Result:
    from .judging.steps import check_only

    return check_only(context, options.to, options.version, _rings(options, context))


def _approve(options: argparse.Namespace, context: Context) -> Result:
    from .judging import approve

    rings = _rings(options, context)
    if options.plan:
        return approve.look(context, options.to, options.version, rings)
    reason = _needed(options.reason, "approve")
    return approve.approve(
        context, options.to, options.version, rings, reason, options.override, options.expect
    )


def _hold(options: argparse.Namespace, context: Context) -> Result:
    from .judging import hold

    for kind in hold.KINDS:
        value = getattr(options, kind)
        if value is not None:
            change = hold.release if options.release else hold.hold
            return change(context, kind, value, _needed(options.reason, "hold"))
    if options.release:
        raise Refused("hold --release: say what: a build, --content, --inputhash or --package")
    return hold.listing(context)


def _rings(options: argparse.Namespace, context: Context) -> tuple[Ring, ...]:
    environment, _ = context.config.promoting(options.to)
    if options.through:
        return environment.rings_up_to(options.through)
    return (environment.ring(options.ring),)


def _needed(reason: str | None, what: str) -> str:
    if not reason or not reason.strip():
        raise Refused(f"{what}: --reason is needed: whoever looks later will want to know why")
    return reason


def _status(options: argparse.Namespace, context: Context) -> Result:
    from .status import status

    return status(context)


def _log(options: argparse.Namespace, context: Context) -> Result:
    entries = context.journal.entries()
    wanted = [entry for entry in entries if options.environment in (None, entry.get("environment"))]
    return {"entries": wanted, "broken": context.journal.broken()}


def _verify(options: argparse.Namespace, context: Context) -> Result:
    from .proof.command import proof

    return proof(context, options.to)


def _run_verify(options: argparse.Namespace, context: Context) -> Result:
    from .proof.command import kept_proof

    return kept_proof(context)


def _diff(options: argparse.Namespace, context: Context) -> Result:
    from .images.diff import difference

    return difference(context, options.old, options.new)


def _report_health(options: argparse.Namespace, context: Context) -> Result:
    from . import health, reports

    return reports.record(context, sys.stdin.buffer.read(health.LIMIT + 1))


def _changelog(options: argparse.Namespace, context: Context) -> Result:
    from .proof.changelog import changelog

    return changelog(context, options.to, options.ring, options.version)


def _sbom(options: argparse.Namespace, context: Context) -> Result:
    from .releasing.sbom import sbom

    return sbom(context, options.image)


def _config(options: argparse.Namespace, context: Context) -> Result:
    return context.config.as_json()


_RUN: dict[str, Callable[[argparse.Namespace, Context], Result]] = {
    "compose": _compose,
    "run-compose": _run_compose,
    "run-gate": _run_gate,
    "builds": _builds,
    "promote": _promote,
    "auto": _auto,
    "stage": _stage,
    "sign": _sign,
    "keys": _keys,
    "keys introduce": _introduce,
    "keys use": _use,
    "keys withdraw": _withdraw,
    "publish": _publish,
    "check": _check,
    "approve": _approve,
    "hold": _hold,
    "status": _status,
    "log": _log,
    "diff": _diff,
    "changelog": _changelog,
    "sbom": _sbom,
    "verify": _verify,
    "run-verify": _run_verify,
    "report-health": _report_health,
    "config": _config,
}
