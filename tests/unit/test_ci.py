"""The CI's keys: their settings, what is rendered of them, and what the forced command makes of a command."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest

from ostree_release.access import ci_forced_command as access
from ostree_release.access.allowed_subcommands import FOR_CI, ROLES, RUN_AS, role_for
from ostree_release.config import CiKey
from ostree_release.errors import Refused
from tasks.server import ci, release_tool
from tasks.settings.declared import Server
from tasks.settings.load import server_settings
from tasks.settings.reader import SettingsError
from tests.unit.settings_cases import NAME, valid


def blob(*fields: bytes) -> str:
    return base64.b64encode(b"".join(len(field).to_bytes(4, "big") + field for field in fields)).decode()


ED25519 = f"ssh-ed25519 {blob(b'ssh-ed25519', bytes(range(32)))}"
OTHER = f"ssh-ed25519 {blob(b'ssh-ed25519', bytes(32))}"
KEY = CiKey("gitlab", "SHA256:x", ("compose", "promote", "status"))
ENTRIES = {"promoter": ("ostree-prod", "/e/ci-promoter"), "composer": ("root", "/e/ci-composer")}


def server(*subcommands: str) -> Server:
    keys = {"gitlab": {"key": f"{ED25519} me@laptop", "subcommands": list(subcommands)}}
    return server_settings(valid(ostree_ci_keys=keys), NAME)


def problems(key: object, subcommands: object = ("status",), name: object = "gitlab") -> str:
    data = valid(ostree_ci_keys={name: {"key": key, "subcommands": subcommands}})
    with pytest.raises(SettingsError) as refused:
        server_settings(data, NAME)
    return str(refused.value)


def test_a_key_is_read_with_its_fingerprint(tmp_path: Path) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "two words", "-f", tmp_path / "key"], check=True
    )
    line = (tmp_path / "key.pub").read_text().rstrip("\n")
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", tmp_path / "key.pub"], check=True, capture_output=True, text=True
    )
    keys = {"jenkins": {"key": line, "subcommands": ["status"]}}
    (key,) = server_settings(valid(ostree_ci_keys=keys), NAME).ci_keys
    assert (key.name, key.public, key.subcommands) == ("jenkins", line.rsplit(" ", 2)[0], ("status",))
    assert key.fingerprint == shown.stdout.split()[1]


@pytest.mark.parametrize(
    ("key", "right"),
    [
        (None, "a line of a .pub file"),
        ("", "a line of a .pub file"),
        ("ssh-ed25519", "a line of a .pub file"),
        (f'command="/bin/sh" {ED25519}', "without options"),
        (f"no-pty,{ED25519}", "without options"),
        (f"{ED25519}\n{OTHER}", "without options"),
        (f"{ED25519} x\u2028{OTHER}", "without options"),
        (f"ssh-dss {blob(b'ssh-dss', b'x')}", "of type ssh-ed25519"),
        ("ssh-ed25519 AAAA", "not a key"),
        ("ssh-ed25519 not/base64!", "not a key"),
        (f"ssh-ed25519 {blob(b'ssh-rsa', b'x')}", "as it was made"),
        (f"ssh-rsa {blob(b'ssh-rsa', b'e', b'n' * 128)}", "at least 3072 bits"),
        (f"ssh-rsa {blob(b'ssh-rsa', bytes([255, 0, 1]), b'n' * 384)}", "as it was made"),
    ],
)
def test_what_is_not_a_plain_public_key_is_refused_and_not_shown(key: object, right: str) -> None:
    said = problems(key)
    assert said.startswith("ostree_ci_keys['gitlab']['key']: must be ")
    assert right in said


def test_a_private_key_is_not_shown() -> None:
    assert "SECRET" not in problems("-----BEGIN OPENSSH PRIVATE KEY-----\nSECRET\n")


@pytest.mark.parametrize("name", ["", "A", "a b", "../x", "-x", 'x",', "x" * 32, 3])
def test_what_cannot_be_a_name_is_refused(name: object) -> None:
    assert "a key's name must be" in problems(ED25519, name=name)


@pytest.mark.parametrize(
    ("subcommands", "right"),
    [
        ([], "not empty"),
        (["approve"], "not 'approve', which is for people"),
        (["hold"], "not 'hold', which is for people"),
        (["run-compose"], "one of"),
        (["promot"], "did you mean promote?"),
        (["status", "status"], "twice"),
        ("status", "a list"),
    ],
)
def test_a_key_gets_only_what_composers_and_promoters_have(subcommands: object, right: str) -> None:
    assert right in problems(ED25519, subcommands)


def test_other_shapes_are_refused_with_what_would_be_right() -> None:
    for value, right in (
        ([], "a dictionary"),
        ({"x": ED25519}, "a dictionary such as"),
        ({"x": {"key": ED25519}}, "['subcommands'] is not set"),
        ({"x": {"key": ED25519, "subcommands": ["status"], "command": "sh"}}, "there is no such setting"),
    ):
        with pytest.raises(SettingsError, match=right.replace("[", r"\[")):
            server_settings(valid(ostree_ci_keys=value), NAME)
    same = {name: {"key": f"{ED25519} {name}", "subcommands": ["status"]} for name in ("a", "b")}
    with pytest.raises(SettingsError, match="another key than a"):
        server_settings(valid(ostree_ci_keys=same), NAME)


def test_without_keys_nothing_is_there() -> None:
    assert ci.ci_files(server_settings(valid(), NAME)) == []
    assert ci.programs(server_settings(valid(), NAME)) == []
    assert "ostree-ci" not in release_tool.sudoers_text(server_settings(valid(), NAME))


@pytest.mark.parametrize(
    ("subcommands", "rules"),
    [
        (
            ["status", "promote"],
            ["ostree-ci ALL=(ostree-prod) NOPASSWD: /usr/libexec/ostree-release/ci-promoter"],
        ),
        (["compose"], ["ostree-ci ALL=(root) NOPASSWD: /usr/libexec/ostree-release/ci-composer"]),
    ],
)
def test_sudoers_has_the_entry_points_that_a_key_needs(subcommands: list[str], rules: list[str]) -> None:
    lines = release_tool.sudoers_text(server(*subcommands)).splitlines()
    assert [line for line in lines if line.startswith("ostree-ci")] == rules
    (alias,) = [line for line in lines if line.startswith("Cmnd_Alias")]
    assert all(rule.rpartition(" ")[2] in alias for rule in rules)


def test_every_key_has_a_forced_command_and_no_permission() -> None:
    lines = ci.authorized_keys(server("status")).splitlines()
    assert lines[1:] == [f'command="/usr/libexec/ostree-release/ci gitlab",restrict {ED25519} gitlab']


def test_sshd_lets_the_ci_in_by_these_keys_alone_and_gives_it_nothing_else() -> None:
    files = {file.path: file for file in ci.ci_files(server("status"))}
    content = files["/etc/ssh/sshd_config.d/10-ostree-ci.conf"].content
    assert isinstance(content, str)
    first, *lines, last = [line.strip() for line in content.splitlines() if not line.startswith("#")]
    assert (first, last) == ("Match User ostree-ci", "Match all")
    options = dict(line.split(maxsplit=1) for line in lines)
    assert options["AuthenticationMethods"] == "publickey"
    assert options["AuthorizedKeysFile"] == "/etc/ostree-release/ci/authorized_keys"
    assert options["DisableForwarding"] == "yes"
    assert {name for name, value in options.items() if value == "none"} == {
        *("AuthorizedKeysCommand", "AuthorizedPrincipalsCommand", "AuthorizedPrincipalsFile"),
        "TrustedUserCAKeys",
    }
    assert {name for name, value in options.items() if value == "no"} == {
        *("PasswordAuthentication", "KbdInteractiveAuthentication", "PermitTTY", "PermitUserRC"),
        *("AllowTcpForwarding", "AllowStreamLocalForwarding", "AllowAgentForwarding", "X11Forwarding"),
        "PermitTunnel",
    }


def test_the_forced_command_and_its_entry_points_are_isolated_python() -> None:
    files = {file.path: file for file in ci.programs(server("compose", "promote"))}
    for name in ("ci", "ci-composer", "ci-promoter"):
        file = files[f"/usr/libexec/ostree-release/{name}"]
        assert isinstance(file.content, str)
        assert file.content.startswith("#!/usr/bin/python3 -I\n")
        assert (file.owner, file.mode) == ("root", "755")
        compile(file.content, name, "exec")


@pytest.mark.parametrize(
    ("original", "words"),
    [
        ("status", ["status"]),
        (
            "promote --build=44.1 --reason 'two words' --json",
            ["promote", "--build=44.1", "--reason", "two words", "--json"],
        ),
        ("status $(id); sh", ["status", "$(id);", "sh"]),
        ("status `id` && sh | cat > /x", ["status", "`id`", "&&", "sh", "|", "cat", ">", "/x"]),
        ("status # no comment", ["status", "#", "no", "comment"]),
    ],
)
def test_a_command_is_taken_apart_and_never_run_by_a_shell(original: str, words: list[str]) -> None:
    assert access.split(original, KEY) == words
    command = access.sudo(KEY, words, ENTRIES)
    assert command == ["/usr/bin/sudo", "-n", "-u", "ostree-prod", "/e/ci-promoter", "gitlab", *words]


@pytest.mark.parametrize(
    "original",
    [
        "",
        " ",
        "''",
        "sh",
        "-c",
        "--",
        "-- status",
        "-h",
        "Status",
        "approve 44.1 --reason x",
        "run-compose dev",
        "stage",
        "/usr/libexec/ostree-release/promoter status",
        "scp -t /tmp",
        "/usr/lib/openssh/sftp-server",
        "internal-sftp",
        "sudo status",
        "status 'open",
        "status\nsh",
        "status\tx",
        "status \x1b[2J",
        "status \u202e",
        "status \ud800",
        "\N{FULLWIDTH LATIN SMALL LETTER S}tatus",
        "status " + "x" * 5000,
    ],
)
def test_anything_else_is_refused(original: str) -> None:
    with pytest.raises(Refused):
        access.split(original, KEY)


def test_no_configuration_gives_the_ci_what_is_for_people() -> None:
    with pytest.raises(Refused):
        access.admit(CiKey("x", "SHA256:x", ("approve", "run-compose")), "approve")
    assert not FOR_CI & {"approve", "hold", "run-compose"}


def test_only_composing_is_done_as_root() -> None:
    assert {each for each in FOR_CI if role_for(each) == "composer"} == {"compose"}
    assert set(RUN_AS) < set(ROLES)


def test_a_key_that_is_gone_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert access.forced_command(["gitlab"], ENTRIES, tmp_path / "none.json") == 2
    assert capsys.readouterr().err.startswith("ostree-release: ")


def test_the_forced_command_becomes_sudo_with_nothing_of_the_client_but_words(tmp_path: Path) -> None:
    configuration = tmp_path / "config.json"
    configuration.write_text(release_tool.configuration_text(server("promote")))
    shown = tmp_path / "sudo"
    shown.write_text('#!/bin/sh\npwd; env | sort; for each; do echo "<$each>"; done\n')
    shown.chmod(0o755)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path\n"
        "from ostree_release.access import ci_forced_command as ci; ci._SUDO = sys.argv[2]\n"
        "entries = {'promoter': ('ostree-prod', '/e')}\n"
        "sys.exit(ci.forced_command(['gitlab'], entries, Path(sys.argv[3])))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(Path(__file__).parents[2]), str(shown), str(configuration)],
        env={
            "SSH_ORIGINAL_COMMAND": "promote --reason 'a b' $(id)",
            "LD_LIBRARY_PATH": "/x",
            "SUDO_UID": "0",
            "PYTHONPATH": "/x",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    place, *rest = done.stdout.splitlines()
    words = "<-n> <-u> <ostree-prod> </e> <gitlab> <promote> <--reason> <a b> <$(id)>"
    assert place == "/"
    assert " ".join(rest[-9:]) == words
    assert {line.partition("=")[0] for line in rest[:-9]} <= {"LANG", "PATH", "PWD", "SHLVL", "_", "OLDPWD"}
