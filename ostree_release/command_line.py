"""The command line: which subcommands there are, and what each takes."""

from __future__ import annotations

import argparse

from . import PROGRAM

_REASON_LIMIT = 500  # characters; the journal's lines stay short


def parser() -> argparse.ArgumentParser:
    """Return the parser; it ends the program with status 2 on wrong usage."""
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

    # Composing
    command = add("compose", "compose an environment now, or follow the compose that is running")
    command.add_argument("environment", metavar="ENV")
    command.add_argument("--version", help="instead of <release>.<yyyymmdd>.<n>")
    command = add("run-compose", "what the systemd unit runs")
    command.add_argument("environment", metavar="ENV")
    command = add("builds", "list the builds of a composed environment, newest first")
    command.add_argument("environment", metavar="ENV", nargs="?")

    # Releasing
    command = add("promote", "stage, sign and publish a build, or move what is in the ring before")
    command.add_argument("--to", default="prod", metavar="ENV", help="promoting environment (default: prod)")
    command.add_argument("--build", metavar="VERSION|CHECKSUM", help="default: the newest; first ring only")
    command.add_argument("--ring", help="default: the first")
    command.add_argument("--through", metavar="RING", help="every ring up to this one; needs a reason")
    command.add_argument("--reason", type=reason, help="goes into the journal")
    command.add_argument(
        "--laptop-gate",
        type=reason,
        metavar="NAME",
        help="a gate that passed elsewhere: goes into the journal",
    )
    command.add_argument("--expect-build", metavar="CHECKSUM", help="refuse if the plan has another build")
    command.add_argument("--expect-tip", metavar="CHECKSUM|none", help="refuse if the ring is somewhere else")
    command.add_argument("--plan", action="store_true", help="only say what would be done")
    command = add("auto", "take the step that is due by itself, or say what it waits for")
    command.add_argument("--to", default="prod", metavar="ENV")
    command = add("stage", "stage a build as a candidate")
    command.add_argument("--to", default="prod", metavar="ENV")
    command.add_argument("--build", metavar="VERSION|CHECKSUM", help="default: the newest")
    command = add("sign", "sign a candidate with the environment's key, here or elsewhere")
    command.add_argument("--to", default="prod", metavar="ENV")
    command.add_argument("--version", help="default: the newest candidate")
    elsewhere = command.add_mutually_exclusive_group()
    elsewhere.add_argument("--request", action="store_true", help="hand out what is to be signed elsewhere")
    elsewhere.add_argument("--attach", action="store_true", help="take its signature from standard input")
    command.add_argument("--expect", metavar="CHECKSUM", help="what was signed; needed with --attach")
    command = add("keys", "list the keys of an environment; as root, let one take over from another")
    command.add_argument("--to", default="prod", metavar="ENV", help="environment (default: prod)")
    actions = command.add_subparsers(metavar="introduce|use|withdraw")
    for name, key, summary in (
        ("introduce", "new|-", "publish one more key: made here, or an exported one from standard input"),
        ("use", "FINGERPRINT", "sign everything again with this key, and from now on"),
        ("withdraw", "FINGERPRINT", "let clients not trust this key any more"),
    ):
        # A name of its own, because no role has it: only root changes what clients trust.
        action = actions.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        action.set_defaults(subcommand=f"keys {name}")
        action.add_argument("key", metavar=key)
        action.add_argument("--to", default=argparse.SUPPRESS, metavar="ENV")
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
    command = add("publish", "publish a signed candidate and move the first ring to it")
    command.add_argument("--to", default="prod", metavar="ENV")
    command.add_argument("--version", help="default: the newest candidate")
    command.add_argument("--reason", type=reason, help="goes into the journal")

    command = add("run-gate", "what the systemd unit of a gate of your own runs")
    command.add_argument("run", metavar="RUN")

    # Judging
    command = add("check", "run the gates on a candidate or release, and record what they say")
    command.add_argument("version", metavar="VERSION", nargs="?", help="default: the newest candidate")
    _place(command)
    command = add("approve", "let through what the gates found about a candidate or release")
    command.add_argument("version", metavar="VERSION")
    _place(command)
    command.add_argument("--reason", type=reason, help="goes into the journal; needed unless --plan")
    command.add_argument(
        "--override",
        metavar="GATE[,GATE]",
        type=lambda given: given.split(","),
        default=[],
        help="let the failures of these gates through too",
    )
    command.add_argument("--expect", metavar="DIGEST", help="refuse if the findings are not those of --plan")
    command.add_argument("--plan", action="store_true", help="only list what would be approved")
    command = add("hold", "keep something from being staged, signed or moved; without arguments: list")
    what = command.add_mutually_exclusive_group()
    what.add_argument("build", metavar="VERSION|CHECKSUM", nargs="?", help="a build, candidate or release")
    what.add_argument("--content", metavar="CHECKSUM", help="everything with this tree")
    what.add_argument("--inputhash", metavar="HASH", help="everything composed from these inputs")
    what.add_argument("--package", metavar="NAME-VERSION-RELEASE", help="everything that has this package")
    command.add_argument("--release", action="store_true", help="end the hold")
    command.add_argument("--reason", type=reason, help="goes into the journal; needed to hold and to release")

    # Looking
    add("status", "say what is where")
    command = add("log", "print the journal")
    command.add_argument("--environment", metavar="ENV")
    command = add("changelog", "say what each release changed, fixed, and who let it through")
    command.add_argument("version", metavar="VERSION", nargs="?", help="only this release")
    command.add_argument("--to", default="prod", metavar="ENV", help="promoting environment (default: prod)")
    command.add_argument("--ring", help="only what reached this ring")
    command.add_argument("--format", choices=("text", "markdown", "json"), default="text")
    command = add("sbom", "print the bill of materials of a release (SPDX 2.3)")
    command.add_argument("image", metavar="VERSION|RING")
    command = add("verify", "prove what is published from the journal; exit 1 if something is wrong")
    command.add_argument("--to", metavar="ENV", help="default: every promoting environment")
    add("run-verify", "what the systemd unit runs: verify, and keep the result for status")
    command = add("diff", "compare the packages of two images")
    for name in ("old", "new"):
        command.add_argument(
            name, metavar=name.upper(), help="version, ring, composed environment or checksum"
        )
    add("report-health", "record the clients' health reports that stand on standard input as JSON")
    add("config", "check the configuration and print it")
    return parser


def _place(command: argparse.ArgumentParser) -> None:
    command.add_argument("--to", default="prod", metavar="ENV")
    rings = command.add_mutually_exclusive_group()
    rings.add_argument("--ring", help="that it is to go to (default: the first)")
    rings.add_argument("--through", metavar="RING", help="every ring up to this one")


def reason(given: str) -> str:
    """Return one printable line, or raise what argparse makes wrong usage of."""
    if len(given) > _REASON_LIMIT or not given.isprintable():
        raise argparse.ArgumentTypeError(
            f"one line of at most {_REASON_LIMIT} printable characters is wanted"
        )
    return given
