"""Facts about a client: what it runs, what is staged, which remote it has. One remote command."""

from __future__ import annotations

import base64
import binascii
import configparser
import hashlib
import json

from pyinfra.api import FactBase, QuoteString, StringCommand

from tasks.client import health
from tasks.client.deployments import Machine, parse_status
from tasks.client.keyring import fingerprints
from tasks.facts.sections import sections
from tasks.refusals import client_reason

# $1: the remote's name, $2: the certificate file, $3: the report of its health, then the files of the unit
# that writes it, its timer last. Every section may be empty; the exit status is always 0, so that one sick
# client is a line of ours and not a failed fact with pages of output.
_SCRIPT = r"""
begin() { printf "\n== %s\n" "$1"; }
begin boot; cat /proc/sys/kernel/random/boot_id
begin status; rpm-ostree status --json 2>&1
begin remote; cat "/etc/ostree/remotes.d/$1.conf" 2>/dev/null
begin keyring; base64 "/ostree/repo/$1.trustedkeys.gpg" 2>/dev/null
begin ca; base64 "$2" 2>/dev/null
begin health; cat "$3" 2>/dev/null
shift 3
begin "health unit"; cat "$@" 2>/dev/null | sha256sum | cut -c1-64
systemctl show --property UnitFileState,ActiveState "${3##*/}" 2>/dev/null
begin end
"""


class ClientState(FactBase[Machine]):
    """Boot id, deployments, running transaction and health of a client, and how one of its remotes is set up.

    + remote: name of the remote to look at
    + ca_file: absolute path of the certificate file that belongs to it

    Source: `rpm-ostree status --json`, /etc/ostree/remotes.d, and the keyring that `ostree remote add
    --gpg-import` writes beside the repository. Needs `sudo -n` on the client.
    """

    def command(self, remote: str = "", ca_file: str = "") -> StringCommand:
        return StringCommand(
            "sudo", "-n", "sh", "-c", QuoteString(_SCRIPT), "sh", QuoteString(remote), QuoteString(ca_file),
            health.REPORT, *health.FILES, "2>&1", "||", "true",
        )  # fmt: skip

    @staticmethod
    def default() -> Machine:
        return Machine(
            problem="the client said nothing", boot_id="", deployments=[], transaction=None,
            remote={}, keyring=[], ca="", health=None, health_unit="",
        )  # fmt: skip

    def process(self, output: list[str]) -> Machine:
        machine = self.default()
        found = sections(output)
        if "end" not in found:
            return {**machine, "problem": client_reason(output)}
        machine["problem"] = None
        machine["boot_id"] = "".join(found["boot"]).strip()
        machine["remote"] = _remote(found["remote"])
        machine["keyring"] = _keyring(found["keyring"])
        machine["ca"] = _digest(found["ca"])
        machine["health"] = health.parse_report(found["health"], machine["boot_id"])
        machine["health_unit"] = health.parse_unit(found["health unit"])
        try:
            machine["deployments"], machine["transaction"] = parse_status(
                json.loads("\n".join(found["status"]))
            )
        except (ValueError, KeyError, TypeError):
            machine["problem"] = client_reason(found["status"])
        return machine


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
        return fingerprints(base64.b64decode("".join(lines)))
    except (binascii.Error, ValueError):
        return ["unreadable"]


def _digest(lines: list[str]) -> str:
    return hashlib.sha256(base64.b64decode("".join(lines))).hexdigest() if lines else ""
