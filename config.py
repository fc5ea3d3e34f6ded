"""Refuses command lines that pyinfra would end badly: it is read first, before --data is parsed."""

import shutil
import sys
from pathlib import Path

import click

from ostree_release.text import run_by
from tasks.pyinfra_gaps.group_data import unreadable

context = click.get_current_context(silent=True)
given = context.params if context else {}
asks = given and given["operations"][0] not in ("fact", "exec", "debug-inventory")

if given:
    # A shell that has found it on its path starts it by its whole name.
    program = Path(sys.argv[0])
    if shutil.which("pyinfra") == str(program) or program.name != "pyinfra":
        program = Path("pyinfra")
    elif not given["chdir"] and program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    elsewhere = ["--chdir", given["chdir"]] if given["chdir"] else []
    run_by(str(program), *elsewhere, given["inventory"])

    beside = Path(given["inventory"]).parent.resolve()
    folders = dict.fromkeys(
        [Path.cwd() / "group_data", beside / "group_data", *map(Path, given["group_data"])]
    )
    if problems := list(unreadable(folders)):
        sys.exit("\n".join(problems))

for argument in given.get("data", ()):
    # pyinfra itself ends with a traceback here.
    if not argument.partition("=")[1] or argument.startswith("="):
        sys.exit(f"--data {argument}: must be NAME=VALUE, for example --data reboot=yes")

if given.get("no_wait"):
    # pyinfra then ends with status 0 even when a host has failed.
    sys.exit("--no-wait: must be left out, because pyinfra then reports success for a run that failed")

if asks and not (given["yes"] or given["dry"] or given["json_output"] or sys.stdin.isatty()):
    # pyinfra asks before it changes anything, and without a terminal that question is a traceback.
    sys.exit(
        "Without a terminal, pyinfra cannot ask: add -y to carry it out, or --dry to see what it would do"
    )
