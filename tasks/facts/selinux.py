"""SELinux as it is configured, also where no kernel has it loaded: rules, types of ports, wrong labels."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyinfra.api import FactBase, QuoteString, StringCommand


@dataclass(frozen=True)
class LabelsState:
    """`rules`: local pattern -> type; `ports`: local TCP port or range -> type.

    `wrong`: paths of another type. `remembered`: what an earlier run of ours has declared,
    as "fcontext PATTERN" and "port NUMBER".
    """

    rules: dict[str, str] = field(default_factory=dict)
    ports: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    remembered: list[str] = field(default_factory=list)


class Labels(FactBase[LabelsState]):
    """What the configured policy says, and which labels below a directory say otherwise.

    + policy: the policy's name in /etc/selinux, such as "targeted"
    + path: directory with repositories; objects are judged by the directory they lie in. If no kernel labels
      what is new, only the repositories themselves must have a label; a wrong one is found everywhere.
    + label: type that everything there should have
    + memory: file that names what this project has declared
    """

    @staticmethod
    def default() -> LabelsState:
        """Nothing is declared, nothing is labelled."""
        return LabelsState()

    def command(self, policy: str, path: str, label: str, memory: str) -> StringCommand:
        """One command that reads semanage's files: semanage itself is slow, and writes a lock."""
        ports = QuoteString(f"/var/lib/selinux/{policy}/active/ports.local")
        rules = QuoteString(f"/etc/selinux/{policy}/contexts/files/file_contexts.local")
        return StringCommand(
            *("sed -n 's/^\\//rule \\//p'", rules, "2>/dev/null;"),
            *("sed 's/^/remembered /'", QuoteString(memory), "2>/dev/null;"),
            *("sed -n 's/^ *portcon tcp /port /p'", ports, "2>/dev/null;"),
            *("find", QuoteString(path), "-maxdepth 1 -type d -exec stat -c 'label %C %n' {} + 2>/dev/null"),
            *("| grep -v", QuoteString(f"^label [^ ]*:{label}:"), ";"),
            *("find", QuoteString(path), "\\( -path '*/objects/??' -o -path '*/tmp' \\) -prune -print0"),
            "-o -mindepth 2 -print0 2>/dev/null | xargs -0 -r stat -c 'label %C %n' 2>/dev/null",
            *("| grep -v", QuoteString(f"^label \\(?\\|[^ ]*:{label}:.*\\) "), "; true"),
        )

    def process(self, output: list[str]) -> LabelsState:
        """Parse a word and its values a line."""
        state = LabelsState()
        for line in output:
            word, _, rest = line.partition(" ")
            if word == "rule":
                pattern, *_, context = rest.split()
                state.rules[pattern] = context.split(":")[2] if context.count(":") > 1 else context
            elif word == "port":
                ports, context = rest.split()
                state.ports[ports] = context.split(":")[2]
            elif word == "label":
                state.wrong.append(rest.partition(" ")[2])
            elif word == "remembered":
                state.remembered.append(rest)
        return state
