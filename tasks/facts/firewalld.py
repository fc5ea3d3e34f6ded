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
            *("sed 's/^/remembered /'", QuoteString(memory), "2>/dev/null;"),
            "if command -v firewall-cmd >/dev/null; then echo installed;",
            "if systemctl is-active --quiet firewalld; then echo running;",
            'echo "now $(firewall-cmd --list-ports)";',
            'echo "permanent $(firewall-cmd --permanent --list-ports)"; fi; fi; true',
        )

    def process(self, output: list[str]) -> FirewalldState:
        """Parse a word and its values a line."""
        words: dict[str, list[str]] = {}
        for line in output:
            word, *values = line.split()
            words.setdefault(word, []).extend(values)
        return FirewalldState(
            installed="installed" in words,
            running="running" in words,
            now=sorted(words.get("now", [])),
            permanent=sorted(words.get("permanent", [])),
            remembered=sorted(words.get("remembered", [])),
        )
