"""Row 5: a deploy that changes nothing, over loopback and over a line with a round trip of 50 ms."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import lab
from bench.delaying import delaying
from bench.measuring import Contender, Row, Sample, alternating, measured, run
from lab import connection, keys, state
from lab.network import LOOPBACK
from tests.integration.driver import PYINFRA, ROOT

_PLAYBOOK = Path(__file__).with_name("guide_setup.yml")
_DEPLOY = ("deploy.py", "-y")


@dataclass(frozen=True)
class Way:
    """A way to the lab's server: the port of this machine, and a folder for what goes that way."""

    lab: state.Lab
    port: int
    folder: Path

    @property
    def known_hosts(self) -> Path:
        """A file with the server's key under the name that it has by this port."""
        text = keys.known_hosts_file(self.lab).read_text(encoding="utf-8")
        path = self.folder / "known_hosts"
        path.write_text(text.replace(f"]:{self.lab.server.port} ", f"]:{self.port} "), encoding="utf-8")
        return path

    def pyinfra(self) -> tuple[str, ...]:
        """Return a deploy of the server alone; settings go by the inventory's name, which is the lab's."""
        host = {
            "ssh_hostname": LOOPBACK,
            "ssh_port": self.port,
            "ssh_user": state.LOGINS["admin"],
            "ssh_key": str(keys.user_key_file(self.lab)),
            "ssh_known_hosts_file": str(self.known_hosts),
        }
        inventory = self.folder / "lab.py"
        inventory.write_text(f"image_servers = [({self.lab.server.name!r}, {host!r})]\n", encoding="utf-8")
        return (str(inventory), *_DEPLOY)

    def ansible(self) -> tuple[str, ...]:
        """Return the guide's deploy of the server, as Ansible's own text recommends it for speed."""
        options = f"-o UserKnownHostsFile={self.known_hosts} -o StrictHostKeyChecking=yes"
        host = {
            "ansible_host": LOOPBACK,
            "ansible_port": self.port,
            "ansible_user": state.LOGINS["admin"],
            "ansible_ssh_private_key_file": keys.user_key_file(self.lab),
            "ansible_ssh_common_args": f"'{options}'",
            "ansible_ssh_pipelining": "true",
        }
        inventory = self.folder / "hosts"
        line = " ".join(f"{name}={value}" for name, value in host.items())
        inventory.write_text(f"server {line}\n", encoding="utf-8")
        return ("ansible-playbook", "-i", str(inventory), str(_PLAYBOOK))

    def ssh(self) -> tuple[str, ...]:
        """Return what runs a script on the server."""
        ssh, *others = connection.command(self.lab, replace(self.lab.server, port=self.port), ["sh", "-s"])
        return (ssh, "-o", f"HostKeyAlias=[{LOOPBACK}]:{self.lab.server.port}", *others)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what it takes."""
    parser.add_argument("--milliseconds", type=int, default=50, help="of the long line's round trip")


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """Yield the rows."""
    found = lab.server()
    it = state.Lab(found.name)
    long_line = f"with a round trip of {options.milliseconds} ms, by a delaying proxy"
    with tempfile.TemporaryDirectory(prefix="bench-deploy-") as name, tempfile.TemporaryDirectory() as other:
        near = Way(it, it.server.port, Path(name))
        checks = _checks(near)
        yield _row("over loopback", near, checks, options.runs)
        with delaying(near.port, options.milliseconds / 2000) as port:
            yield _row(long_line, Way(it, port, Path(other)), checks, options.runs)


def _row(title: str, way: Way, checks: Sequence[str], runs: int) -> Row:
    script = "\n".join(f"( {check}\n) </dev/null >/dev/null 2>&1 || true" for check in checks)
    ours, ssh = (str(PYINFRA), *way.pyinfra()), way.ssh()
    contenders = [
        Contender(
            "ours",
            f"pyinfra inventories/lab.py {' '.join(_DEPLOY)}",
            lambda: measured(lambda: run(*ours, cwd=ROOT)),
            "of the server alone; CPU is the laptop's, as in all of these",
        ),
        _ansible(way),
        Contender(
            "floor: one ssh",
            "ssh server sh -s < CHECKS",
            lambda: measured(lambda: run(*ssh, input=script)),
            f"the {len(checks)} commands that the deploy runs on the server, one after the other",
        ),
    ]
    return alternating(f"no-change deploy, one server, {title}", contenders, runs)


def _ansible(way: Way) -> Contender:
    command = way.ansible()
    typed = f"ansible-playbook -i hosts bench/{_PLAYBOOK.name}"
    if shutil.which(command[0]) is None:
        return Contender("guide: Ansible", typed, None, "not measured: Ansible is not installed here")
    run(*command, cwd=ROOT)  # whatever it has to change

    def again() -> Sample:
        return measured(lambda: run(*command, cwd=ROOT))

    return Contender(
        "guide: Ansible", typed, again, "its set-up by its text, with pipelining, and with facts"
    )


def _checks(way: Way) -> list[str]:
    """Return the commands that a deploy without changes runs on the server."""
    noted = way.folder / "commands"
    run(sys.executable, "-m", "bench.recording", str(noted), *way.pyinfra(), cwd=ROOT)
    return noted.read_text(encoding="utf-8").split("\0")[:-1]
