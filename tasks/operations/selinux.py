"""Labels of what httpd serves, and types of the ports it listens on, also before SELinux is loaded.

pyinfra's `selinux.file_context_mapping` takes two rules that begin alike for none (3.10.0).
"""

import re
from collections.abc import Iterator

from pyinfra.api import operation

from tasks.facts.selinux import Labels, LabelsState
from tasks.facts.together import known
from tasks.operations.remote_script import Commands, quoted, remember, together

# What the policies themselves let httpd listen on: http_port_t, and 8080 by http_cache_port_t.
POLICY_PORTS = (80, 443, 488, 8008, 8009, 8080, 8443)
HTTPD_PORT_TYPES = ("http_port_t", "http_cache_port_t")


@operation()
def labelled(policy: str, loaded: bool, path: str, label: str, ports: list[int], memory: str) -> Commands:
    """
    Declare and set the label of everything below a directory, and let httpd listen on ports.

    + policy: name of the configured policy
    + loaded: whether the running kernel has it; otherwise it is prepared for the next boot
    + path: the directory
    + label: SELinux type
    + ports: TCP ports
    + memory: root's file on the server that names what is declared here, so that it can be taken back

    **Example:**

    .. code:: python

        selinux.labelled(
            name="SELinux",
            policy="targeted",
            loaded=True,
            path="/srv/ostree/rpm-ostree",
            label="httpd_sys_content_t",
            ports=[8443],
            memory="/var/lib/ostree-release/declared/label",
        )
    """
    state = known(Labels, policy=policy, path=path, label=label, memory=memory)
    lines = list(_changes(state, policy, "" if loaded else " -N", path, label, ports, memory))
    yield from together(lines, f"{path} is labelled {label}", "set -e; umask 022")


def _changes(
    state: LabelsState, policy: str, no_reload: str, path: str, label: str, ports: list[int], memory: str
) -> Iterator[str]:
    pattern = re.sub(r"([^A-Za-z0-9/_-])", r"\\\1", path) + "(/.*)?"
    ours = [f"fcontext {pattern}"]
    ours += [f"port {port}" for port in ports if _is_ours(port, state)]
    obsolete = [entry for entry in state.remembered if entry not in ours]
    # Remembered first: cut off after this line, the next run still knows what is to be taken back.
    if {*ours, *obsolete} != set(state.remembered):
        yield remember([*ours, *obsolete], memory)
    if state.rules.get(pattern) != label:
        action = "-m" if pattern in state.rules else "-a"
        yield f"semanage fcontext{no_reload} {action} -t {quoted(label, pattern)}"
    for port in ports:
        if not _is_right(port, state):
            arguments = f"{no_reload} -t {HTTPD_PORT_TYPES[0]} -p tcp {port}"
            yield f"semanage port -a{arguments} || semanage port -m{arguments}"
    for entry in obsolete:
        kind, _, name = entry.partition(" ")
        if kind == "fcontext" and name in state.rules:
            yield f"semanage fcontext{no_reload} -d {quoted(name)}"
        elif kind == "port" and state.ports.get(name) == HTTPD_PORT_TYPES[0]:
            yield f"semanage port{no_reload} -d -p tcp {quoted(name)}"
    if obsolete:
        yield remember(ours, memory)
    if state.wrong or state.rules.get(pattern) != label:
        contexts = f"/etc/selinux/{policy}/contexts/files/file_contexts"
        yield f"setfiles -F {quoted(contexts, *(_topmost(state.wrong) or [path]))}"


def _is_right(port: int, state: LabelsState) -> bool:
    """Whether httpd may listen there; what is declared locally wins over the policy."""
    for ports, label in state.ports.items():
        first, _, last = ports.partition("-")
        if int(first) <= port <= int(last or first):
            return label in HTTPD_PORT_TYPES
    return port in POLICY_PORTS


def _is_ours(port: int, state: LabelsState) -> bool:
    """Whether the administrator or the policy did not have it before."""
    return f"port {port}" in state.remembered or not _is_right(port, state)


def _topmost(paths: list[str]) -> list[str]:
    """Leave out paths below another one: setfiles descends by itself."""
    kept: list[str] = []
    for path in sorted(paths):
        if not kept or not path.startswith(f"{kept[-1]}/"):
            kept.append(path)
    return kept
