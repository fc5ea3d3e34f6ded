"""The command line: arguments in, a result or one line of refusal out, never a traceback."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from . import PROGRAM, actor, roles, text
from .config import DEFAULT_PATH, Config, load
from .context import Context, Progress
from .errors import Refused, Stopped

_USAGE = 2
_REASON_LIMIT = 500  # characters; the journal's lines stay short


def main(arguments: Sequence[str] | None = None, role: str | None = None, config: Path = DEFAULT_PATH) -> int:
    """Run one subcommand; return 0 (done), 1 (refused or failed), 2 (wrong usage) or 75 (try again).

    role: what the entry point is for (see `roles`); config: the configuration file.
    """
    os.umask(0o022)  # what a repository holds is served by the web server's own user
    options = _parser().parse_args(arguments)
    if not roles.allowed(role, options.subcommand):
        print(f"{PROGRAM}: {options.subcommand}: not for the role {role}", file=sys.stderr)
        return _USAGE
    _survive_a_lost_connection()
    progress = Progress(sys.stderr if options.json else sys.stdout)
    try:
        context = Context(load(config), actor.current(os.environ), progress)
        kind, result = _run(options, context)
    except Refused as refusal:
        return _refuse(refusal.lines, refusal.status, options.json)
    except Stopped as stopped:
        return _refuse((str(stopped),), stopped.status, options.json)
    except Exception as error:  # a fault of ours: one line all the same
        place = traceback.extract_tb(error.__traceback__)[-1]
        words = f"{type(error).__name__}: {' '.join(str(error).split())}"
        line = f"internal error: {words} ({Path(place.filename).name}:{place.lineno})"
        return _refuse((line,), 1, options.json)
    lines = [json.dumps(result)] if options.json else text.render(kind, result)
    output = Progress(sys.stdout)
    for line in lines:
        output.say(line)
    return 0


def _run(options: argparse.Namespace, context: Context) -> tuple[str, dict[str, Any]]:
    """Run the subcommand; returns how its result is to be worded, and the result.

    libostree is imported here, by those who need it, so that wrong usage and `config` work without it.
    """
    name = options.subcommand
    if name == "config":
        return name, _described(context.config)
    if name == "log":
        entries = context.journal.entries()
        wanted = [entry for entry in entries if options.environment in (None, entry.get("environment"))]
        return name, {"entries": wanted, "broken": context.journal.broken()}
    if name == "compose":
        from .compose import compose

        return name, compose(context, options.environment, options.version)
    if name == "run-compose":
        from .compose_run import run_compose

        return name, run_compose(context, options.environment)
    if name == "builds":
        from .builds import listing

        composed = [environment.name for environment in context.config.environments if environment.composed]
        environment = context.config.composed(options.environment or composed[0])
        return name, listing(context, environment)
    if name == "status":
        from .status import status

        return name, status(context)
    if name == "diff":
        from .diff import difference

        return name, difference(context, options.old, options.new)
    return _promotion(options, context)


def _promotion(options: argparse.Namespace, context: Context) -> tuple[str, dict[str, Any]]:
    from . import promote, steps
    from .road import Request

    name = options.subcommand
    if name == "sign":
        return name, steps.sign_only(context, options.to, options.version)
    if name == "publish":
        return name, steps.publish_only(context, options.to, options.version, options.reason)
    if name == "stage":
        return name, steps.stage_only(context, Request(options.to, build=options.build))
    request = Request(
        environment=options.to,
        build=options.build,
        ring=options.ring,
        reason=options.reason,
        expect_build=options.expect_build,
        expect_tip=options.expect_tip,
    )
    if options.plan:
        return "plan", promote.plan_only(context, request)
    return name, promote.promote(context, request)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description="Compose, promote and look at this server's images."
    )
    subcommands = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", required=True)

    def add(name: str, summary: str) -> argparse.ArgumentParser:
        subcommand = subcommands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        subcommand.add_argument(
            "--json", action="store_true", help="print one JSON document; progress goes to stderr"
        )
        return subcommand

    command = add("compose", "compose an environment now, or follow the compose that is running")
    command.add_argument("environment", metavar="ENV")
    command.add_argument("--version", help="instead of <release>.<yyyymmdd>.<n>")
    command = add("run-compose", "what the systemd unit runs")
    command.add_argument("environment", metavar="ENV")
    command = add("builds", "list the builds of a composed environment, newest first")
    command.add_argument("environment", metavar="ENV", nargs="?")
    command = add("promote", "stage, sign and publish a build, or move what is in the ring before")
    command.add_argument("--to", default="prod", metavar="ENV", help="promoting environment (default: prod)")
    command.add_argument("--build", metavar="VERSION|CHECKSUM", help="default: the newest; first ring only")
    command.add_argument("--ring", help="default: the first")
    command.add_argument("--reason", type=_reason, help="goes into the journal")
    command.add_argument("--expect-build", metavar="CHECKSUM", help="refuse if the plan has another build")
    command.add_argument("--expect-tip", metavar="CHECKSUM|none", help="refuse if the ring is somewhere else")
    command.add_argument("--plan", action="store_true", help="only say what would be done")
    command = add("stage", "stage a build as a candidate")
    command.add_argument("--to", default="prod", metavar="ENV")
    command.add_argument("--build", metavar="VERSION|CHECKSUM", help="default: the newest")
    command = add("sign", "sign a candidate with the environment's key")
    command.add_argument("--to", default="prod", metavar="ENV")
    command.add_argument("--version", help="default: the newest candidate")
    command = add("publish", "publish a signed candidate and move the first ring to it")
    command.add_argument("--to", default="prod", metavar="ENV")
    command.add_argument("--version", help="default: the newest candidate")
    command.add_argument("--reason", type=_reason, help="goes into the journal")
    add("status", "say what is where")
    command = add("log", "print the journal")
    command.add_argument("--environment", metavar="ENV")
    command = add("diff", "compare the packages of two images")
    for name in ("old", "new"):
        command.add_argument(
            name, metavar=name.upper(), help="version, ring, composed environment or checksum"
        )
    add("config", "check the configuration and print it")
    return parser


def _reason(given: str) -> str:
    if len(given) > _REASON_LIMIT or not given.isprintable():
        raise argparse.ArgumentTypeError(
            f"one line of at most {_REASON_LIMIT} printable characters is wanted"
        )
    return given


def _described(config: Config) -> dict[str, Any]:
    return {
        "image": config.image,
        "public_name": config.public_name,
        "environments": {
            environment.name: {
                "repository": str(environment.repository),
                "url": environment.url,
                "ref": environment.ref,
                "owner": environment.owner,
                "promotes_from": environment.promotes_from,
                "rings": [{"name": ring.name, "ref": ring.ref} for ring in environment.rings],
            }
            for environment in config.environments
        },
    }


def _refuse(lines: Sequence[str], status: int, as_json: bool) -> int:
    if as_json:
        Progress(sys.stdout).say(json.dumps({"error": "; ".join(lines)}))
    else:
        for line in lines:
            Progress(sys.stderr).say(f"{PROGRAM}: {line}")
    return status


def _survive_a_lost_connection() -> None:
    """Go on without a terminal, and end with one line when asked to stop."""

    def stop(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):  # a second one would interrupt the tidying up
            signal.signal(each, signal.SIG_IGN)
        name = signal.Signals(number).name
        raise Stopped(
            f"stopped by {name}: clients see nothing half done; run the same command again to complete it"
        )

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


if __name__ == "__main__":
    sys.exit(main())
