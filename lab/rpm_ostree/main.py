"""The command line: which commands and options there are, and how a command ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.rpm_ostree import VERSION
from lab.rpm_ostree.compose import Request, compose_tree, parse_strings
from lab.rpm_ostree.errors import FailedError
from lab.rpm_ostree.options import Given, Options, parse

Run = Callable[[Given], int]


@dataclass(frozen=True)
class Command:
    """A command: what it does, which options it takes, and how its arguments are called."""

    summary: str
    run: Run
    options: Options
    arguments: str = ""


def compose(given: Given) -> int:
    if not given.positional:
        raise FailedError("usage error: TREEFILE must be specified", usage="compose tree [OPTION…] TREEFILE")
    if "repo" not in given.values and "print-only" not in given.flags:
        raise FailedError("usage error: --repo must be specified", usage="compose tree [OPTION…] TREEFILE")
    compose_tree(
        Request(
            treefile=Path(given.positional[0]),
            repository=_path(given, "repo"),
            cache=_path(given, "cachedir"),
            strings=parse_strings(given.values.get("add-metadata-string", [])),
            compose_json=_path(given, "write-composejson-to"),
            print_only="print-only" in given.flags,
            dry_run="dry-run" in given.flags,
            force="force-nocache" in given.flags,
            no_parent="no-parent" in given.flags,
            unified_core="unified-core" in given.flags,
        )
    )
    return 0


def status(given: Given) -> int:
    from lab.rpm_ostree.status import show

    return show(
        as_json="json" in given.flags,
        booted_only="booted" in given.flags,
        pending_exit_77="pending-exit-77" in given.flags,
    )


def upgrade(given: Given) -> int:
    if "check" in given.flags:
        from lab.rpm_ostree.preview import check

        return check()
    from lab.rpm_ostree.changes import upgrade as run

    return run(
        allow_downgrade="allow-downgrade" in given.flags,
        unchanged_exit_77="unchanged-exit-77" in given.flags,
        reboot="reboot" in given.flags,
    )


def rebase(given: Given) -> int:
    from lab.rpm_ostree.changes import rebase as run

    if not given.positional:
        raise FailedError(
            "usage error: Must specify refspec, or -b branch or -m remote",
            usage="rebase [OPTION…] REFSPEC [REVISION]",
        )
    revision = given.positional[1] if len(given.positional) > 1 else None
    return run(
        given.positional[0],
        revision,
        disallow_downgrade="disallow-downgrade" in given.flags,
        reboot="reboot" in given.flags,
    )


def deploy(given: Given) -> int:
    from lab.rpm_ostree.changes import deploy as run

    if not given.positional:
        raise FailedError("usage error: REVISION must be specified", usage="deploy [OPTION…] REVISION")
    return run(
        given.positional[0],
        disallow_downgrade="disallow-downgrade" in given.flags,
        unchanged_exit_77="unchanged-exit-77" in given.flags,
        reboot="reboot" in given.flags,
    )


def rollback(given: Given) -> int:
    from lab.rpm_ostree.changes import rollback as run

    return run(reboot="reboot" in given.flags)


def cleanup(given: Given) -> int:
    from lab.rpm_ostree.changes import cleanup as run

    if not given.flags:
        raise FailedError("cleanup: At least one cleanup option must be specified")
    return run(
        pending="pending" in given.flags,
        rollback="rollback" in given.flags,
        temporary="base" in given.flags,
    )


def cancel(given: Given) -> int:
    from lab.rpm_ostree.transaction import cancel as run

    return run()


def reload(given: Given) -> int:
    # The stand-in has no daemon that keeps a configuration; what it reads, it reads each time.
    return 0


_REBOOT = {"-r": "reboot"}
COMMANDS: Mapping[str, Command] = {
    "cancel": Command("Cancel an active transaction", cancel, Options()),
    "cleanup": Command(
        "Clear cached/pending data",
        cleanup,
        Options(
            flags=("base", "pending", "rollback", "repomd"),
            short={"-b": "base", "-p": "pending", "-r": "rollback", "-m": "repomd"},
        ),
    ),
    "compose tree": Command(
        "Process a treefile and commit the result to an OSTree repository",
        compose,
        Options(
            flags=("unified-core", "print-only", "dry-run", "force-nocache", "no-parent"),
            values=("repo", "cachedir", "write-composejson-to", "add-metadata-string"),
            short={"-r": "repo"},
            most=1,
        ),
        "TREEFILE",
    ),
    "deploy": Command(
        "Deploy a specific commit",
        deploy,
        Options(flags=("reboot", "disallow-downgrade", "unchanged-exit-77"), short=_REBOOT, most=1),
        "REVISION",
    ),
    "rebase": Command(
        "Switch to a different tree",
        rebase,
        Options(flags=("reboot", "disallow-downgrade"), short=_REBOOT, most=2),
        "REFSPEC [REVISION]",
    ),
    "reload": Command("Reload configuration", reload, Options()),
    "rollback": Command(
        "Revert to the previously booted tree", rollback, Options(flags=("reboot",), short=_REBOOT)
    ),
    "status": Command(
        "Get the version of the booted system",
        status,
        Options(flags=("json", "booted", "pending-exit-77"), short={"-b": "booted"}),
    ),
    "upgrade": Command(
        "Perform a system upgrade",
        upgrade,
        Options(flags=("reboot", "allow-downgrade", "unchanged-exit-77", "check"), short=_REBOOT),
    ),
}


def version() -> str:
    """Return what --version prints: that this is the lab's, before anything else."""
    return (
        "rpm-ostree:\n"
        f" Version: '{VERSION}'\n"
        " Note: 'stand-in of the pyinfra-rpm-ostree lab, not rpm-ostree'\n"
        " Features:\n"
        "  - compose"
    )


def usage() -> str:
    """Return the list of commands that are implemented."""
    lines = [f"  {name:<22} {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(["Usage:", "  rpm-ostree [OPTION…] COMMAND", "", "Builtin Commands:", *lines, ""])


def main(argv: Sequence[str]) -> int:
    """Run one command; return its exit status."""
    try:
        return _main(list(argv))
    except FailedError as failure:
        if failure.usage:
            print(f"Usage:\n  rpm-ostree {failure.usage}\n", file=sys.stderr)
        print(f"error: {failure}", file=sys.stderr)
        return 1


def _main(argv: list[str]) -> int:
    if argv == ["--version"]:
        print(version())
        return 0
    if argv in (["--help"], ["-h"]):
        print(usage())
        return 0
    words = 2 if argv[:1] == ["compose"] else 1
    name = " ".join(argv[:words])
    if name not in COMMANDS:
        print(usage(), file=sys.stderr)
        raise FailedError(f"Unknown command '{name}'" if name else "No command specified")
    command = COMMANDS[name]
    return command.run(parse(command.options, argv[words:]))


def _path(given: Given, name: str) -> Path | None:
    values = given.values.get(name)
    return Path(values[-1]) if values else None
