"""The command line: arguments in, a result or one line of refusal out, never a traceback."""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from . import PROGRAM
from .access import actor, allowed_subcommands, ci_forced_command, entry
from .commands import parsed, run
from .config import DEFAULT_PATH
from .context import Context, Progress
from .errors import Refused, Stopped
from .loading import load

_USAGE = 2


def main(
    arguments: Sequence[str] | None = None,
    role: str | None = None,
    config: Path = DEFAULT_PATH,
    ci_key: str | None = None,
) -> int:
    """Run one subcommand; return 0 (done), 1 (refused or failed), 2 (wrong usage) or 75 (try again).

    + role: what the entry point is for (see `roles`)
    + config: the configuration file
    + ci_key: name of the CI's key that the entry point serves
    """
    os.umask(0o022)  # what a repository holds is served by the web server's own user
    given = sys.argv[1:] if arguments is None else arguments
    if not entry.are_plain(given):
        print(f"{PROGRAM}: {entry.PLAIN}", file=sys.stderr)
        return _USAGE
    options = parsed(given)
    if not allowed_subcommands.allowed(role, options.subcommand):
        print(f"{PROGRAM}: {options.subcommand}: not for the role {role}", file=sys.stderr)
        return _USAGE
    worded = _wording(options.json)
    environ = dict(os.environ)
    if role is not None:
        entry.leave_behind()
    _survive_a_lost_connection()
    progress = Progress(sys.stderr if options.json else sys.stdout)
    try:
        loaded = load(config)
        served = None if ci_key is None else ci_forced_command.named(loaded, ci_key, options.subcommand)
        who = actor.current(environ, served)  # while it is still who called
        if options.subcommand not in allowed_subcommands.NEEDS_ROOT:
            entry.leave_root(loaded)
        context = Context(loaded, who, progress)
        kind, result = run(options, context)
    except Refused as refusal:
        return _refuse(refusal.lines, refusal.status, options.json)
    except Stopped as stopped:
        return _refuse((str(stopped),), stopped.status, options.json)
    except Exception as error:  # a fault of ours: one line all the same
        place = traceback.extract_tb(error.__traceback__)[-1]
        words = f"{type(error).__name__}: {' '.join(str(error).split())}"
        line = f"internal error: {words} ({Path(place.filename).name}:{place.lineno})"
        return _refuse((line,), 1, options.json)
    status: int = result.pop("exit", 0)  # of what looks and finds something wrong
    output = Progress(sys.stdout)
    for line in worded(kind, result):
        output.say(line)
    return status


def _wording(as_json: bool) -> Callable[[str, dict[str, Any]], list[str]]:
    """Return what makes lines of a result; a person's words take time to load, and JSON goes without them.

    They are loaded before the work: after it, nothing of the program may be missing.
    """
    if as_json:
        return lambda kind, result: [json.dumps(result)]
    from .words import render

    return render.render


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
