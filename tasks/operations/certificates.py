"""The server's certificate, made and renewed by a script on the server."""

from pyinfra.api import operation
from pyinfra.context import host, state

from tasks.facts.certificates import CertificatesDue
from tasks.facts.managed_files import ManagedFiles
from tasks.facts.together import known
from tasks.operations.remote_script import Commands, quoted, script
from tasks.pyinfra_gaps.messages import tell


@operation()
def current(program: str) -> Commands:
    """
    Run the script if it says that something is due.

    + program: the script on the server

    **Example:**

    .. code:: python

        certificates.current(name="Private CA", program="/usr/libexec/ostree-release/certificate")
    """
    due = known(CertificatesDue, program=program)
    if not due:
        host.noop("nothing is due")
        return
    if state.is_executing:
        tell(f"Due: {'; '.join(due)}")
    yield script(quoted(program))


@operation()
def copied(source: str, target: str) -> Commands:
    """
    Publish a file of the server, readable for everybody.

    + source: file that the administrator keeps up to date
    + target: its copy, written atomically

    **Example:**

    .. code:: python

        certificates.copied(
            name="Publish the CA", source="/etc/pki/ca.crt", target="/srv/ostree/rpm-ostree/keys/ca.crt"
        )
    """
    states = known(ManagedFiles, files=[source, target])
    checksums = [states[path].sha256 for path in (source, target) if path in states]
    if len(checksums) == 2 and checksums[0] is not None and checksums[0] == checksums[1]:
        host.noop(f"{target} is the same as {source}")
        return
    new = quoted(f"{target}.new")
    yield script(f"set -e; install -m 644 -- {quoted(source)} {new}; mv -fT -- {new} {quoted(target)}")
