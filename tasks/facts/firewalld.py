"""firewalld: whether it runs, and which ports are open, now and after its next start."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pyinfra.api import QuoteString, StringCommand

from tasks.facts.command_output import Reading, Said, asked, unexpected

_WORDS = {"installed", "running", "now", "permanent", "remembered"}
_PORT = re.compile(r"\d+(-\d+)?/(tcp|udp|sctp|dccp)")


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

    subject = "firewall-cmd"

    def command(self, memory: str) -> StringCommand:
        """One command; it succeeds without firewalld."""
        script = StringCommand(
            *("sed 's/^/remembered /'", QuoteString(memory), "2>/dev/null; echo;"),
            "if command -v firewall-cmd >/dev/null; then echo installed;",
            "if systemctl is-active --quiet firewalld; then echo running;",
            "now=$(firewall-cmd --list-ports) && permanent=$(firewall-cmd --permanent --list-ports) &&",
            'echo "now $now" && echo "permanent $permanent"; fi; fi',
        )
        return asked(script)

    def read(self, said: Said) -> FirewalldState:
        """Parse a word and its values a line."""
        words = _words(said.lines)
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


def _words(lines: list[str]) -> dict[str, list[str]]:
    words: dict[str, list[str]] = {}
    for line in filter(str.strip, lines):
        word, *values = line.split()
        if word not in _WORDS or not all(map(_PORT.fullmatch, values)):
            raise unexpected(line)
        words.setdefault(word, []).extend(values)
    return words
