"""Facts about a client: what it runs, what is staged, which remote it has. One remote command."""

import base64
import configparser
import hashlib
from shlex import join

from pyinfra.api import FactBase, StringCommand

from tasks.client import boot_health
from tasks.client.rpm_ostree_status import BOOT_ID, STATUS, Machine, parse_status
from tasks.facts.command_output import asked, reply
from tasks.facts.documents import document
from tasks.facts.error_messages import client_reason
from tasks.facts.sections import sections
from tasks.signing.keyring import fingerprints

# $1: the remote's name, $2: the certificate file, $3: the report of its health, then the files of the unit
# that writes it, its timer last. Every section may be empty. What rpm-ostree says beside its answer, such as
# a warning of systemd's, counts only where it gives none.
_SCRIPT = r"""
begin() { printf "\n== %s\n" "$1"; }
show() { [ ! -e "$1" ] || base64 "$1" 2>/dev/null || echo "(not readable)"; }
exec 3>&1
begin boot; cat /proc/sys/kernel/random/boot_id
begin architecture; uname -m
begin status; errors=$(rpm-ostree status --json 2>&1 >&3) || { begin failed; printf "%s\n" "$errors"; }
begin remote; cat "/etc/ostree/remotes.d/$1.conf" 2>/dev/null
begin keyring; show "/ostree/repo/$1.trustedkeys.gpg"
begin ca; show "$2"
begin health; cat "$3" 2>/dev/null
shift 3
begin "health unit"; cat "$@" 2>/dev/null | sha256sum | cut -c1-64
systemctl show --property UnitFileState,ActiveState "${3##*/}" 2>/dev/null
begin end
"""

_SECTIONS = ("boot", "architecture", "status", "remote", "keyring", "ca", "health", "health unit", "end")


class ClientState(FactBase[Machine]):
    """Boot id, deployments, running transaction and health of a client, and how one of its remotes is set up.

    + remote: name of the remote to look at
    + ca_file: absolute path of the certificate file that belongs to it

    Source: `rpm-ostree status --json`, /etc/ostree/remotes.d, and the keyring that `ostree remote add
    --gpg-import` writes beside the repository. Needs `sudo -n` on the client.

    **Example:**

    .. code:: python

        host.get_fact(ClientState, remote="kinoite-prod", ca_file="/etc/ostree/certificates/kinoite-prod.crt")
    """

    def command(self, remote: str = "", ca_file: str = "") -> StringCommand:
        words = [_SCRIPT, "sh", remote, ca_file, boot_health.REPORT, *boot_health.FILES]
        return asked(f"sudo -n sh -c {join(words)}")

    @staticmethod
    def default() -> Machine:
        return Machine(
            problem="the client said nothing", boot_id="", architecture="", deployments=[], transaction=None,
            remote={}, keyring=[], ca="", health=None, health_unit="",
        )  # fmt: skip

    def process(self, output: list[str]) -> Machine:
        machine = self.default()
        try:
            said = reply(output)
            if said.status:
                return {**machine, "problem": client_reason(said.words)}
            found = sections(said.lines, *_SECTIONS)
        except ValueError as error:
            return {**machine, "problem": f"the client {error}"}
        machine["boot_id"] = "".join(found["boot"]).strip()
        machine["architecture"] = "".join(found["architecture"]).strip()
        machine["remote"] = _remote(found["remote"])
        machine["keyring"] = _keyring(found["keyring"])
        machine["ca"] = _digest(found["ca"])
        machine["health"] = boot_health.parse_report(found["health"], machine["boot_id"])
        machine["health_unit"] = boot_health.parse_unit(found["health unit"])
        machine["problem"] = _problem(found, machine)
        return machine


def _problem(found: dict[str, list[str]], machine: Machine) -> str | None:
    """Put what rpm-ostree says into a machine; say in one line why not, if it cannot be read."""
    if not BOOT_ID.fullmatch(machine["boot_id"]):
        return "the client's boot id cannot be read"
    if "failed" in found:
        return client_reason(found["failed"] if any(found["failed"]) else found["status"])
    try:
        machine["deployments"], machine["transaction"] = parse_status(document(found["status"], STATUS))
    except ValueError as error:
        return f"rpm-ostree status --json {error}"
    return None


def _remote(lines: list[str]) -> dict[str, str]:
    """Read the settings of a remote's file; what is no such file reads as empty, and is then replaced."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string("\n".join(lines))
    except configparser.Error:
        return {}
    return {key: value for section in parser.sections() for key, value in parser.items(section)}


def _keyring(lines: list[str]) -> list[str]:
    """Read the fingerprints in a keyring; an unreadable one is as good as one with a foreign key."""
    try:
        return fingerprints(base64.b64decode("".join(lines), validate=True))
    except ValueError:
        return ["unreadable"]


def _digest(lines: list[str]) -> str:
    """Return the SHA-256 of a file; one that does not come whole is as good as another one."""
    try:
        return hashlib.sha256(base64.b64decode("".join(lines), validate=True)).hexdigest() if lines else ""
    except ValueError:
        return "unreadable"
