"""Ports in firewalld: what counts as open, and what the scripts do on a firewalld that is played."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pyinfra.context import ctx_host, ctx_state
from pyinfra_testing.util import FakeState, create_host

from tasks.operations import firewalld
from tasks.operations.firewalld import is_open


@pytest.mark.parametrize(
    ("port", "there"),
    [
        ("8443/tcp", ["8443/tcp"]),
        ("8443/tcp", ["22/tcp", "1025-65535/tcp"]),
        ("8443/tcp", ["1025-65535/udp", "8443-8443/tcp"]),
        ("8443/tcp", ["8443-9000/tcp"]),
        ("8443/tcp", ["8000-8443/tcp"]),
        ("8443/tcp", ["9000-8000/tcp"]),
        ("443/tcp", ["https/tcp"]),
        ("53/udp", ["53/tcp", "1-1024/udp"]),
        ("8440-8450/tcp", ["1025-65535/tcp"]),
        ("8440-8450/tcp", ["8440-8450/tcp"]),
        ("8440-8450/tcp", ["8446-9000/tcp", "8000-8445/tcp"]),
        ("8440-8442/tcp", ["8442/tcp", "8441/tcp", "8440/tcp"]),
        ("8440-8450/tcp", ["8000-8446/tcp", "8442-8444/tcp", "8445-8450/tcp"]),
    ],
)
def test_open(port: str, there: list[str]) -> None:
    assert is_open(port, there)


@pytest.mark.parametrize(
    ("port", "there"),
    [
        ("8443/tcp", []),
        ("8443/tcp", ["8443/udp"]),
        ("8443/tcp", ["1025-65535/udp"]),
        ("8443/tcp", ["8444-9000/tcp", "8000-8442/tcp"]),
        ("8440-8450/tcp", ["8443/tcp"]),
        ("8440-8450/tcp", ["8000-8445/tcp", "8447-9000/tcp"]),
        ("8440-8450/tcp", ["8441-8450/tcp"]),
        ("443/tcp", ["https/udplite", "no-such-service/tcp", "nonsense", ""]),
        ("no-such-service/tcp", ["1-65535/tcp"]),
    ],
)
def test_not_open(port: str, there: list[str]) -> None:
    assert not is_open(port, there)


# As firewalld 1.3 and 2.3 do it: a port in an open range is refused with a warning and exit status 0, a range
# that overlaps others is merged with them, and a port taken out of a range cuts it in two.
FIREWALL_CMD = r"""#!/bin/sh
scope=now
for word; do case $word in
  -q) ;; --permanent) scope=permanent ;; *) option=${word%%=*}; value=${word#*=} ;;
esac; done
cd "$FIREWALL" || exit 9
changed() {
  awk -v action="$1" -v asked="$2" '
    function span(text, part) {
      split(text, part, /[-\/]/); first = part[1] + 0; last = text ~ /-/ ? part[2] + 0 : first
      protocol = text; sub(/.*\//, "", protocol)
    }
    function say(start, end) { if (start <= end) print (start == end ? start : start "-" end) "/" kind }
    BEGIN { span(asked); from = first; to = last; kind = protocol }
    { span($0) }
    protocol != kind || last < from || to < first { print; next }
    action == "remove" { say(first, from - 1); say(to + 1, last); next }
    { if (first < from) from = first; if (last > to) to = last }
    END { if (action == "add") say(from, to) }' "$scope.ports" >new && mv new "$scope.ports"
}
case $option in
  --list-ports) paste -sd ' ' "$scope.ports" ;;
  --list-services) cat "$scope.services" ;;
  --info-service) cat "service.$value" ;;
  --add-port) changed add "$value" ;;
  --remove-port) changed remove "$value" ;;
  *) echo "unknown: $*" >&2; exit 9 ;;
esac
"""
# As busctl prints what firewalld answers: a list of lists now, of structures permanently.
BUSCTL = r"""#!/bin/sh
cd "$FIREWALL" || exit 9
[ "$1 $2" = "call org.fedoraproject.FirewallD1" ] || exit 9
list() {
  sed 's/\(.*\)\/\(.*\)/'"$3"'"\1" "\2"/' "$2.ports" | paste -sd ' ' |
    sed "s/^/$1 $(wc -l <"$2.ports") /; s/ $//"
}
top=/org/fedoraproject/FirewallD1
case "${3#"$top"} ${4#org.fedoraproject.FirewallD1} $5 $6 $7" in
  "  getDefaultZone  ") echo 's "public"' ;;
  " .zone getPorts s public") list aas now '2 ' ;;
  "/config .config getZoneByName s public") echo "o \"$top/config/zone/6\"" ;;
  "/config/zone/6 .config.zone getPorts  ") list 'a(ss)' permanent '' ;;
  *) echo "Call failed: $*" >&2; exit 1 ;;
esac
"""

INFORMATION = ("ports", "protocols", "source-ports", "modules", "destination", "includes", "helpers")
SERVICES = {
    "ssh": {"ports": "22/tcp"},
    "https": {"ports": "443/tcp"},
    "http3": {"ports": "443/udp"},
    "mdns": {"ports": "443/tcp 5353/udp", "destination": "ipv4:224.0.0.251 ipv6:ff02::fb"},
    "directory": {"ports": "7389/tcp", "includes": "https ssh loop"},
    "loop": {"ports": "", "includes": "directory"},
}


class Server:
    """A server with a firewalld; its facts are read by their own commands."""

    print_prefix = ""
    noop_description: str | None = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.memory = folder / "memory of ours"
        (folder / "bin").mkdir()
        programs = {"firewall-cmd": FIREWALL_CMD, "busctl": BUSCTL, "systemctl": "#!/bin/sh\n"}
        for name, text in programs.items():
            (folder / "bin" / name).write_text(text)
            (folder / "bin" / name).chmod(0o755)
        for name, values in SERVICES.items():
            lines = [f"  {key}: {values.get(key, '')}\n" for key in INFORMATION]
            (folder / f"service.{name}").write_text("".join([f"{name}\n", *lines]))
        self.has([], [])

    def has(self, now: list[str], permanent: list[str], *services: str) -> None:
        """Give the default zone these ports, now and permanently, and these services in both."""
        for scope, ports in (("now", now), ("permanent", permanent)):
            (self.folder / f"{scope}.ports").write_text("".join(f"{port}\n" for port in ports))
            (self.folder / f"{scope}.services").write_text(f"{' '.join(services)}\n")

    def ports(self) -> tuple[list[str], list[str]]:
        now, permanent = (self.folder / f"{scope}.ports" for scope in ("now", "permanent"))
        return sorted(now.read_text().split()), sorted(permanent.read_text().split())

    def run(self, script: str) -> str:
        environment = {"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "FIREWALL": str(self.folder)}
        done = subprocess.run(
            ["sh", "-c", script], env=environment, capture_output=True, text=True, check=True, umask=0o022
        )
        assert done.stderr == ""
        return done.stdout

    def get_fact(self, fact: type[Any], **arguments: Any) -> Any:
        command = fact().command(**arguments)
        return fact().process(self.run(getattr(command, "get_raw_value", lambda: command)()).splitlines())

    def noop(self, description: str) -> None:
        self.noop_description = description

    def open(self, *ports: str) -> bool:
        """Run the operation; returns whether it had something to do."""
        state = FakeState()
        with ctx_state.use(state), ctx_host.use(create_host(state, facts={})), ctx_host.use(self):
            commands = list(firewalld.ports._inner(opened=[*ports], memory=str(self.memory)))
        for command in commands:
            self.run(command.get_raw_value())
        return bool(commands)

    def remembered(self) -> list[str]:
        return self.memory.read_text().split() if self.memory.exists() else []


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def test_a_port_is_opened_now_and_permanently_once_and_closed_again(server: Server) -> None:
    server.has(["22/tcp"], ["22/tcp"])
    assert server.open("8443/tcp", "8080/tcp")
    assert server.ports() == (["22/tcp", "8080/tcp", "8443/tcp"],) * 2
    assert not server.open("8443/tcp", "8080/tcp")
    assert server.open("8443/tcp")
    assert server.ports() == (["22/tcp", "8443/tcp"],) * 2
    assert server.remembered() == ["8443/tcp"]
    assert not server.open("8443/tcp")


@pytest.mark.parametrize(
    ("ports", "services", "wanted"),
    [
        (["1025-65535/tcp", "1025-65535/udp"], [], ["8443/tcp", "8080/tcp"]),
        ([], ["ssh", "https"], ["443/tcp"]),
        ([], ["directory"], ["443/tcp"]),
        (["1025-65535/tcp"], ["https"], ["443/tcp", "8080/tcp"]),
        (["8000-9000/tcp"], [], ["8440-8450/tcp"]),
    ],
)
def test_what_is_open_already_is_the_administrators(
    server: Server, ports: list[str], services: list[str], wanted: list[str]
) -> None:
    server.has(ports, ports, *services)
    assert not server.open(*wanted)
    assert server.noop_description == f"{', '.join(wanted)}: open in firewalld"
    assert not server.open("22/tcp" if "ssh" in services else wanted[0])
    assert (server.ports(), server.remembered()) == ((sorted(ports),) * 2, [])


@pytest.mark.parametrize(
    ("ports", "services", "wanted"),
    [
        (["1025-65535/udp"], [], "8443/tcp"),
        (["1025-65535/tcp"], ["ssh"], "443/tcp"),
        ([], ["http3"], "443/tcp"),
        ([], ["mdns"], "443/tcp"),  # open for these addresses only
        (["8443/tcp"], [], "8440-8450/tcp"),
        (["8000-8445/tcp"], [], "8440-8450/tcp"),
        (["8000-8445/tcp", "8447-9000/tcp"], [], "8440-8450/tcp"),
    ],
)
def test_what_is_not_wholly_open_is_opened_once(
    server: Server, ports: list[str], services: list[str], wanted: str
) -> None:
    server.has(ports, ports, *services)
    assert server.open(wanted)
    for there in server.ports():
        assert is_open(wanted, there)
    assert server.remembered() == [wanted]
    assert not server.open(wanted)


@pytest.mark.parametrize("open_now", [True, False])
def test_now_and_permanently_are_judged_apart(server: Server, open_now: bool) -> None:
    wide, alone = ["1025-65535/tcp"], ["8443/tcp"]
    server.has(wide if open_now else [], [] if open_now else wide)
    assert server.open("8443/tcp")
    assert server.ports() == ((wide, alone) if open_now else (alone, wide))
    assert not server.open("8443/tcp")
    # Closed where this project opened it, and only there.
    assert server.open("9443/tcp")
    assert not is_open("8443/tcp", server.ports()[1 if open_now else 0])
    assert "1025-65535/tcp" in server.ports()[0 if open_now else 1]
    assert not server.open("9443/tcp")


@pytest.mark.parametrize("wide", ["1025-65535/tcp", "8443-8444/tcp", "8000-8443/tcp"])
def test_a_range_that_somebody_opened_since_is_not_cut(server: Server, wide: str) -> None:
    assert server.open("8443/tcp")
    server.run(f"firewall-cmd --add-port={wide}; firewall-cmd --permanent --add-port={wide}")
    assert server.ports() == ([wide],) * 2
    assert not server.open("8443/tcp")
    server.open("22/tcp")
    assert wide in server.ports()[0]
    assert wide in server.ports()[1]
    assert not server.open("22/tcp")
    assert server.remembered() == ["22/tcp"]


def test_a_range_beside_our_port_in_a_zone_written_by_hand_is_not_cut(server: Server) -> None:
    assert server.open("8443/tcp")
    both = ["1025-65535/tcp", "8443/tcp"]
    server.has(both, both)
    server.open("443/tcp")
    assert server.ports() == (sorted([*both, "443/tcp"]),) * 2
    assert not server.open("443/tcp")


def test_a_memory_without_a_last_newline_is_read(server: Server) -> None:
    server.memory.write_text("8443/tcp")
    server.has(["8443/tcp"], ["8443/tcp"])
    assert server.open("8080/tcp")
    assert server.ports() == (["8080/tcp"],) * 2
