"""SELinux as it is configured, also where no kernel has it loaded: rules, types of ports, wrong labels."""

from dataclasses import dataclass, field
from shlex import quote

from pyinfra.api import StringCommand

from tasks.facts.command_output import NOT_THERE, Reading, Said, asked, unexpected

_NO_LABEL = "failed to get security context of"


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


class Labels(Reading[LabelsState]):
    """What the configured policy says, and which labels below a directory say otherwise.

    + policy: the policy's name in /etc/selinux, such as "targeted"
    + path: directory with repositories; objects are judged by the directory they lie in. If no kernel labels
      what is new, only the repositories themselves must have a label; a wrong one is found everywhere.
    + label: type that everything there should have
    + memory: file that names what this project has declared

    **Example:**

    .. code:: python

        host.get_fact(
            Labels,
            policy="targeted",
            path="/srv/ostree/rpm-ostree",
            label="httpd_sys_content_t",
            memory="/var/lib/ostree-release/declared/label",
        )
    """

    subject = "the look at labels"

    def command(self, policy: str, path: str, label: str, memory: str) -> StringCommand:
        """One command that reads semanage's files: semanage itself is slow, and writes a lock."""
        ports = quote(f"/var/lib/selinux/{policy}/active/ports.local")
        rules = quote(f"/etc/selinux/{policy}/contexts/files/file_contexts.local")
        right, unlabelled = quote(f"^label [^ ]*:{label}:"), quote(f"^label \\(?\\|[^ ]*:{label}:.*\\) ")
        return asked(
            f"sed -n 's/^\\//rule \\//p' {rules} 2>/dev/null; echo;"
            f" sed 's/^/remembered /' {quote(memory)} 2>/dev/null; echo;"
            f" sed -n 's/^ *portcon tcp /port /p' {ports} 2>/dev/null; echo;"
            f" {{ find {quote(path)} -maxdepth 1 -type d -exec stat -c 'label %C %n' {{}} +"
            f" || {{ echo; echo failed; }}; }} | grep -av {right} ;"
            f" {{ find {quote(path)} \\( -path '*/objects/??' -o -path '*/tmp' \\) -prune -print0"
            " -o -mindepth 2 -print0 | xargs -0 -r stat -c 'label %C %n'"
            f" || {{ echo; echo failed; }}; }} | grep -av {unlabelled} ; true"
        )

    def read(self, said: Said) -> LabelsState:
        """Parse a word and its values a line; what has gone while it was looked at does not matter.

        A path without a label is a wrong one, and stat complains of it besides.
        """
        errors = [line for line in said.errors if not line.endswith(NOT_THERE) and _NO_LABEL not in line]
        if "failed" in said.lines and (errors or not said.errors):
            raise ValueError(f"failed: {errors[-1] if errors else 'find or stat says no reason'}")
        state = LabelsState()
        for line in said.lines:
            if line in ("", "failed"):
                continue
            word, *fields = line.split()
            kind = fields[-1].split(":") if fields else []
            if word == "rule" and len(fields) > 1:
                state.rules[fields[0]] = kind[2] if len(kind) > 2 else fields[-1]
            elif word == "port" and len(fields) == 2 and len(kind) > 2:
                state.ports[fields[0]] = kind[2]
            elif word == "label" and line.count(" ") > 1:
                state.wrong.append(line.split(" ", 2)[2])
            elif word == "remembered" and fields:
                state.remembered.append(line.partition(" ")[2])
            else:
                raise unexpected(line)
        return state
