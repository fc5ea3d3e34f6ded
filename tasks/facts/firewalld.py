"""firewalld: whether it runs, and which ports are open, now and after its next start."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyinfra.api import FactBase, QuoteString, StringCommand


@dataclass(frozen=True)
class FirewalldState:
    """Ports ("8443/tcp") of the default zone; remembered: those that an earlier run of ours has opened."""

    installed: bool = False
    running: bool = False
    now: list[str] = field(default_factory=list)
    permanent: list[str] = field(default_factory=list)
    remembered: list[str] = field(default_factory=list)


class Firewalld(FactBase[FirewalldState]):
    """Open ports of the default zone.

    + memory: file that names the ports which this project has opened
    """

    @staticmethod
    def default() -> FirewalldState:
        """There is no firewalld."""
        return FirewalldState()

    def command(self, memory: str) -> StringCommand:
        """One command; it succeeds without firewalld."""
        return StringCommand(
            *("sed 's/^/remembered /'", QuoteString(memory), "2>/dev/null; echo;"),
            "if command -v firewall-cmd >/dev/null; then echo installed;",
            "if systemctl is-active --quiet firewalld; then echo running;",
            'echo "now $(firewall-cmd --list-ports)";',
            'echo "permanent $(firewall-cmd --permanent --list-ports)"; fi; fi; true',
        )

    def process(self, output: list[str]) -> FirewalldState:
        """Parse a word and its values a line."""
        words = _words(output)
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
  set -- $(firewall-cmd $scope --list-services)
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
served now ''
served permanent --permanent
true
"""


class Served(FactBase[dict[str, list[str]]]):
    """Ports ("443/tcp") that services of the default zone open, "now" and "permanent".

    Each service is asked for, which takes a while.
    """

    @staticmethod
    def default() -> dict[str, list[str]]:
        """No service opens anything."""
        return {"now": [], "permanent": []}

    def command(self) -> str:
        """One command for a running firewalld."""
        return SERVED

    def process(self, output: list[str]) -> dict[str, list[str]]:
        """Parse a word and its values a line."""
        words = _words(output)
        return {scope: sorted(words.get(scope, [])) for scope in self.default()}


def _words(output: list[str]) -> dict[str, list[str]]:
    words: dict[str, list[str]] = {}
    for word, *values in filter(None, map(str.split, output)):
        words.setdefault(word, []).extend(values)
    return words
