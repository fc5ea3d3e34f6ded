"""Remotes of a client: where it gets its image from, and whom it trusts.

Key and certificate come with the command that uses them, not by `files.put` of pyinfra, which would ask and
upload for each: a client is asked for everything in one read.
"""

import base64
from dataclasses import astuple

from pyinfra.api import FunctionCommand, Host, State, operation
from pyinfra.context import host

from tasks.client.trust import Remote, certificate_file, differences
from tasks.facts.error_messages import client_reason
from tasks.facts.rpm_ostree import ClientState
from tasks.operations.remote_script import Commands, as_root
from tasks.pyinfra_gaps.failures import failed
from tasks.pyinfra_gaps.messages import tell

# $1 remote, $2 URL, $3 key in base64, $4 certificate in base64 or nothing, $5 its file. `remote add --force`
# would keep the keys of the old keyring, so the remote is deleted first; a run that ends in between is
# repaired by the next one. The certificate gets its name last, complete.
_DECLARE = """
set -e; umask 022
mkdir -p /etc/ostree/remotes.d "${5%/*}"
if [ -n "$4" ]; then
  printf %s "$4" | base64 -d > "$5.new"; mv -f "$5.new" "$5"
  set -- "$1" "$2" "$3" --set=tls-ca-path="$5"
else
  rm -f "$5"; set -- "$1" "$2" "$3"
fi
remote=$1 url=$2 key=$(mktemp); trap 'rm -f "$key"' EXIT
printf %s "$3" | base64 -d > "$key"; shift 3
ostree remote delete --if-exists "$remote" >/dev/null
ostree remote add --set=gpg-verify=true "$@" --gpg-import="$key" "$remote" "$url"
"""


@operation()
def remote(wanted: Remote) -> Commands:
    """Declare a remote in /etc/ostree/remotes.d that trusts one key and, if there is one, one private CA.

    + wanted: its name, its address, the only key it trusts, and the certificate of its private CA

    **Example:**

    .. code:: python

        url = "https://images.example.org:8443/repo/kinoite/prod"
        ostree.remote(name="Declare the remote", wanted=Remote("kinoite-prod", url, key, ""))
    """
    machine = host.get_fact(ClientState, remote=wanted.name, ca_file=certificate_file(wanted.name))
    changes = differences(machine, wanted)
    if not changes:
        host.noop(f"remote {wanted.name} is as it should be")
        return
    for change in changes:
        tell(change)
    yield FunctionCommand(declare, astuple(wanted), {})


def declare(state: State, host: Host, remote_name: str, url: str, key: bytes, certificate: str) -> bool:
    """Declare the remote.

    Returns False if it failed, with the reason said.
    """
    contents = [base64.b64encode(each).decode() for each in (key, certificate.encode())]
    command = as_root(_DECLARE, remote_name, url, *contents, certificate_file(remote_name))
    success, output = host.run_shell_command(command)
    if not success:
        return failed(host, f"remote not declared: {client_reason(output.stderr_lines)}")
    return True
