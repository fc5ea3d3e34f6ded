"""The lab's command line: `python -m lab up`, `down`, `status`, and what one does with a running lab."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence

from docker.errors import DockerException
from requests.exceptions import RequestException

from lab import connection, installing, packages, state, up
from lab.engine import reason
from lab.errors import LabError
from lab.network import LOOPBACK

SEVERITIES = ("critical", "important", "moderate", "low")


def say(text: str) -> None:
    """Print a line of progress at once, also into a pipe."""
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lab",
        description="A repository server and clients in containers. LAB_NAME names another lab beside "
        "the first; LAB_BASE its base: fedora, debian, or an image with systemd, sshd and a real rpm-ostree.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    command = commands.add_parser("up", help="bring the lab up, or repair it")
    command.add_argument(
        "--clients",
        type=_client_count,
        default=None,
        metavar="N",
        help=f"how many clients, by default {state.DEFAULT_CLIENTS}, at most {state.MAXIMUM_CLIENTS}",
    )
    command = commands.add_parser("down", help="remove the lab and everything of it")
    command.add_argument(
        "--shared", action="store_true", help="also what the next lab would reuse: images, caches"
    )
    command = commands.add_parser("status", help="say which machines there are and how to reach them")
    command.add_argument("--json", action="store_true", help="as one JSON document")
    command = commands.add_parser("publish", help="add a version of a package to the lab's repository")
    command.add_argument("name", metavar="NAME", help="one of the lab's packages, or a new name")
    command.add_argument("version", metavar="VERSION")
    command.add_argument("--setuid", action="store_true", help="with a setuid program")
    command.add_argument("--file-capability", action="store_true", help="with a program that has one")
    command.add_argument("--vendor", metavar="VENDOR", help="from this vendor")
    command.add_argument(
        "--user",
        type=_user,
        metavar="NAME[=UID]",
        help="whose %%pre adds a system user, of that number or any",
    )
    command.add_argument("--sysusers", metavar="NAME", help="with a system user in sysusers.d and no script")
    command.add_argument("--owns", action="store_true", help="with a file that belongs to that user")
    command.add_argument("--advisory", metavar="ID", help="announced by a security advisory")
    command.add_argument("--severity", choices=SEVERITIES, default="important", help="of the advisory")
    command.add_argument("--cve", action="append", default=[], metavar="CVE-…", help="that it fixes")
    command = commands.add_parser("withdraw", help="take a version of a package out of the lab's repository")
    command.add_argument("name", metavar="NAME")
    command.add_argument("version", metavar="VERSION")
    command = commands.add_parser("ssh", help="log in to a machine, or run a command there")
    command.add_argument("host", metavar="HOST")
    command.add_argument("remote", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    command = commands.add_parser("logs", help="show what a machine's boot and its journal say")
    command.add_argument("host", metavar="HOST")
    command = commands.add_parser("reboot", help="reboot a machine and wait until it is back")
    command.add_argument("host", metavar="HOST")
    commands.add_parser("demo", help="the whole story: server, image, promotion, clients, a second version")
    commands.add_parser("ensure-engine", help="have a container engine that answers, or say what is missing")
    return parser


def _client_count(text: str) -> int:
    if not text.isdecimal() or int(text) > state.MAXIMUM_CLIENTS:
        raise argparse.ArgumentTypeError(f"{text!r}: a number from 0 to {state.MAXIMUM_CLIENTS}")
    return int(text)


def _user(text: str) -> tuple[str, int | None]:
    name, separator, number = text.partition("=")
    if not name or (separator and not number.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r}: a name, or a name and a number, such as tool=980")
    return name, int(number) if separator else None


def _up(arguments: argparse.Namespace) -> int:
    lab = state.selected()
    wanted = state.DEFAULT_CLIENTS if arguments.clients is None else arguments.clients
    found = up.up(installing.ensure_engine(say), lab, wanted, os.environ, say)
    names = ", ".join(machine.name for machine in found.machines)
    say(f"the lab {lab.name} is up: {names}; look around with: {state.typed('status')}")
    return 0


def _down(arguments: argparse.Namespace) -> int:
    engine = installing.ensure_engine(say)
    up.down(engine, state.selected(), say)
    if arguments.shared:
        up.remove_shared(engine, say)
    return 0


def _status(arguments: argparse.Namespace) -> int:
    found = state.read(state.selected())
    rows = up.machine_states(installing.ensure_engine(say), found)
    if arguments.json:
        print(json.dumps({"name": found.name, "base": found.base, "image": found.image, "machines": rows}))
    else:
        print(f"lab {found.name}, base {found.base}")
        for row in rows:
            follows = f"follows {row['follows']}" if row["follows"] else "repository server"
            print(f"  {row['name']:<10} {row['state']:<10} {LOOPBACK}  ssh {row['ssh']:<16} {follows}")
    return 0


def _publish(arguments: argparse.Namespace) -> int:
    lab = state.selected()
    found = state.read(lab)
    name, version = arguments.name, arguments.version
    variant = packages.Variant(
        setuid=arguments.setuid,
        file_capability=arguments.file_capability,
        vendor=arguments.vendor,
        user=arguments.user,
        sysusers=arguments.sysusers,
        owns=arguments.owns,
    )
    advisory = None
    if arguments.advisory:
        advisory = packages.Advisory(arguments.advisory, arguments.severity, tuple(arguments.cve))
    engine = installing.ensure_engine(say)
    packages.publish(engine, lab, found.image, name, version, variant, advisory)
    say(f"published {name} {version}; the next compose takes it")
    return 0


def _withdraw(arguments: argparse.Namespace) -> int:
    lab = state.selected()
    found = state.read(lab)
    engine = installing.ensure_engine(say)
    packages.withdraw(engine, lab, found.image, arguments.name, arguments.version)
    say(f"withdrew {arguments.name} {arguments.version}; the next compose does not find it")
    return 0


def _ssh(arguments: argparse.Namespace) -> int:
    lab = state.selected()
    machine = state.read(lab).machine(arguments.host)
    remote = arguments.remote[1:] if arguments.remote[:1] == ["--"] else arguments.remote
    line = connection.command(lab, machine, remote)
    sys.stdout.flush()
    os.execvp(line[0], line)


def _logs(arguments: argparse.Namespace) -> int:
    # Not from the state file: it is written when every machine is up, and this is for one that is not.
    lab = state.selected()
    engine = installing.ensure_engine(say)
    there = engine.containers(lab)
    machines = [
        machine for machine in (lab.server, *lab.clients(state.MAXIMUM_CLIENTS)) if machine.container in there
    ]
    machine = next((machine for machine in machines if machine.name == arguments.host), None)
    if machine is None:
        names = ", ".join(machine.name for machine in machines)
        has = f"it has {names}" if names else f"it has none; start it with: {state.typed('up')}"
        raise LabError(f"the lab {lab.name!r} has no machine {arguments.host!r}; {has}")
    container = there[machine.container]
    print(engine.console(container, 200), end="")
    ended = up.how_it_ended(engine, machine)
    if ended:
        say(ended)
    elif container.status == "running":
        print(engine.execute(container, ["journalctl", "--no-pager", "--boot"]), end="")
    return 0


def _reboot(arguments: argparse.Namespace) -> int:
    lab = state.selected()
    machine = state.read(lab).machine(arguments.host)
    up.reboot(installing.ensure_engine(say), lab, machine, say)
    say(f"{machine.name} is back, boot {connection.boot_id(lab, machine)}")
    return 0


def _demo(_: argparse.Namespace) -> int:
    from lab import demo

    return demo.main()


def _ensure_engine(_: argparse.Namespace) -> int:
    installing.ensure_engine(say)
    return 0


_COMMANDS = {
    "up": _up,
    "down": _down,
    "status": _status,
    "publish": _publish,
    "withdraw": _withdraw,
    "ssh": _ssh,
    "logs": _logs,
    "reboot": _reboot,
    "demo": _demo,
    "ensure-engine": _ensure_engine,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 1 after one line that says what is wrong."""
    # paramiko reports every refused attempt by itself; the last one is in our own sentence.
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    arguments = _parser().parse_args(argv)
    try:
        return _COMMANDS[arguments.command](arguments)
    except LabError as error:
        say(f"lab: {error}")
        return 1
    except (DockerException, RequestException) as error:
        # It answered at first; what it is asked for along the way is not wrapped everywhere.
        say(f"lab: the container engine failed: {reason(error)}")
        return 1
    except KeyboardInterrupt:
        say(f"lab: interrupted; {state.typed('up')} goes on or repairs, {state.typed('down')} removes")
        return 130


if __name__ == "__main__":
    sys.exit(main())
