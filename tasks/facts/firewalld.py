"""firewalld: whether it runs, and which ports are open, now and after its next start."""

import re
from dataclasses import dataclass, field

from pyinfra.api import QuoteString, StringCommand

from tasks.facts.command_output import Reading, Said, asked, unexpected

_WORDS = {"installed", "running", "now", "permanent", "remembered"}
_PORT = re.compile(r"\d+(-\d+)?/(tcp|udp|sctp|dccp)")
# A list as busctl prints it: its type, how many, and each port and protocol, in one of the types behind a 2.
_LIST = re.compile(r"(?:aas|a\(ss\)) (\d+)((?: (?:2 )?\"[\d-]+\" \"[a-z]+\")*)")
_LISTED = re.compile(r'"([\d-]+)" "([a-z]+)"')
# Over D-Bus: firewall-cmd is a Python program, and starting it takes longer than most facts. A zone has an
# object of its own for what is permanent.
LISTS = """\
ask() {
  at=$1; of=$2; shift 2
  busctl call org.fedoraproject.FirewallD1 "/org/fedoraproject/FirewallD1$at" \\
    "org.fedoraproject.FirewallD1$of" "$@"
}
lists() {
  zone=$(ask '' '' getDefaultZone) && zone=${zone#*\\"} && zone=${zone%\\"*} &&
    now=$(ask '' .zone getPorts s "$zone") && echo "now $now" &&
    zone=$(ask /config .config getZoneByName s "$zone") && zone=${zone#*FirewallD1} && zone=${zone%\\"*} &&
    permanent=$(ask "$zone" .config.zone getPorts) && echo "permanent $permanent"
}
"""


@dataclass(frozen=True)
class FirewalldState:
    """Ports ("8443/tcp") of the default zone.

    + remembered: those that an earlier run of ours has opened
    """

    installed: bool = False
    running: bool = False
    now: list[str] = field(default_factory=list)
    permanent: list[str] = field(default_factory=list)
    remembered: list[str] = field(default_factory=list)


class Firewalld(Reading[FirewalldState]):
    """Open ports of the default zone.

    + memory: file that names the ports which this project has opened

    **Example:**

    .. code:: python

        host.get_fact(Firewalld, memory="/var/lib/ostree-release/declared/ports")
    """

    subject = "the look at firewalld"

    def command(self, memory: str) -> StringCommand:
        """One command; it succeeds without firewalld."""
        script = StringCommand(
            *(LISTS + "sed 's/^/remembered /'", QuoteString(memory), "2>/dev/null; echo;"),
            "if command -v firewall-cmd >/dev/null; then echo installed;",
            "if systemctl is-active --quiet firewalld; then echo running; lists; fi; fi",
        )
        return asked(script)

    def read(self, said: Said) -> FirewalldState:
        """Parse a word and its values a line; the lists are as busctl prints them."""
        words = _words([_as_words(line) for line in said.lines])
        return FirewalldState(
            installed="installed" in words,
            running="running" in words,
            now=sorted(words.get("now", [])),
            permanent=sorted(words.get("permanent", [])),
            remembered=sorted(words.get("remembered", [])),
        )


# A service may include others, and one that has a destination is open for these addresses only.
SERVED = """\
served() {
  word=$1; scope=$2; seen=' '
  services=$(firewall-cmd $scope --list-services) || return
  set -- $services
  while [ $# -gt 0 ]; do
    service=$1; shift
    case $seen in *" $service "*) continue ;; esac
    seen="$seen$service "
    info=$(firewall-cmd $scope "--info-service=$service") || continue
    set -- "$@" $(printf '%s\\n' "$info" | sed -n 's/^ *includes: *//p')
    printf '%s\\n' "$info" | grep -q '^ *destination: *[^ ]' ||
      printf '%s\\n' "$info" | sed -n "s/^ *ports: */$word /p"
  done
}
served now '' && served permanent --permanent
"""


class Served(Reading[dict[str, list[str]]]):
    """Ports ("443/tcp") that services of the default zone open, "now" and "permanent".

    Each service is asked for, which takes a while.

    **Example:**

    .. code:: python

        host.get_fact(Served)
    """

    subject = "firewall-cmd"

    def command(self) -> StringCommand:
        """One command for a running firewalld."""
        return asked(StringCommand(SERVED))

    def read(self, said: Said) -> dict[str, list[str]]:
        """Parse a word and its values a line."""
        words = _words(said.lines)
        return {scope: sorted({*words.get(scope, [])}) for scope in ("now", "permanent")}


def _as_words(line: str) -> str:
    """Write a list of firewalld's as firewall-cmd does, "now 8443/tcp 8080/tcp"; leave any other line."""
    word, _, rest = line.partition(" ")
    if word not in ("now", "permanent"):
        return line
    whole = _LIST.fullmatch(rest)
    ports = _LISTED.findall(whole[2]) if whole else []
    if whole is None or int(whole[1]) != len(ports):
        raise unexpected(line)
    return " ".join([word, *map("/".join, ports)])


def _words(lines: list[str]) -> dict[str, list[str]]:
    words: dict[str, list[str]] = {}
    for line in filter(str.strip, lines):
        word, *values = line.split()
        if word not in _WORDS or not all(map(_PORT.fullmatch, values)):
            raise unexpected(line)
        words.setdefault(word, []).extend(values)
    return words
