"""Which systems a server may run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tasks.facts.operating_system import Machine, MachineState
from tasks.server.platforms import (
    DEBIAN,
    HTTPD_INIT,
    RED_HAT,
    Platform,
    check_architecture,
    choose,
    composes,
    load,
)
from tests.command_output import said


def machine(system: str, version: str, *like: str, has_rpm_ostree: bool = False) -> MachineState:
    return MachineState(system, like, version, f"{system} {version}", True, has_rpm_ostree, None, "x86_64")


def read(assignments: str) -> MachineState:
    """Read words of an os-release file as the server prints them."""
    lines = [line.strip() for line in assignments.split("|")]
    return Machine().process(said("UID=0", "ARCHITECTURE=x86_64", *lines))


# Words of the files that the distributions ship, with their quotes.
SUPPORTED: dict[str, Platform] = {
    'ID=fedora|VERSION_ID=42|PLATFORM_ID="platform:f42"|VARIANT_ID=container': RED_HAT,
    "ID=fedora|VERSION_ID=43|VARIANT_ID=container": RED_HAT,
    "ID=fedora|VERSION_ID=44|VARIANT_ID=server": RED_HAT,
    'ID="rhel"|ID_LIKE="fedora"|VERSION_ID="9.6"|PLATFORM_ID="platform:el9"': RED_HAT,
    'ID="rhel"|ID_LIKE="centos fedora"|VERSION_ID="10.0"|PLATFORM_ID="platform:el10"': RED_HAT,
    'ID="centos"|ID_LIKE="rhel fedora"|VERSION_ID="9"|PLATFORM_ID="platform:el9"': RED_HAT,
    'ID="centos"|ID_LIKE="rhel fedora"|VERSION_ID="10"|PLATFORM_ID="platform:el10"': RED_HAT,
    'ID="almalinux"|ID_LIKE="rhel centos fedora"|VERSION_ID="9.6"|PLATFORM_ID="platform:el9"': RED_HAT,
    'ID="almalinux"|ID_LIKE="rhel centos fedora"|VERSION_ID="10.0"|PLATFORM_ID="platform:el10"': RED_HAT,
    'ID="rocky"|ID_LIKE="rhel centos fedora"|VERSION_ID="9.3"|PLATFORM_ID="platform:el9"': RED_HAT,
    'ID="rocky"|ID_LIKE="rhel centos fedora"|VERSION_ID="10.0"|PLATFORM_ID="platform:el10"': RED_HAT,
    'ID="ol"|ID_LIKE="fedora"|VERSION_ID="9.1"|PLATFORM_ID="platform:el9"|VARIANT_ID="server"': RED_HAT,
    'ID="ol"|ID_LIKE="fedora"|VERSION_ID="10.0"|PLATFORM_ID="platform:el10"|VARIANT_ID="server"': RED_HAT,
    'ID="stillos"|ID_LIKE="almalinux rhel centos fedora"|VERSION_ID="10"': RED_HAT,
    'ID=nobara|ID_LIKE="rhel centos fedora"|VERSION_ID=40|PLATFORM_ID="platform:f40"': RED_HAT,
    "ID=ultramarine|ID_LIKE=fedora|VERSION_ID=43": RED_HAT,
    "ID='any'|ID_LIKE='fedora centos rhel'|VERSION_ID='9.4'": RED_HAT,
    "ID=any|ID_LIKE=centos|VERSION_ID=10": RED_HAT,
    'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"|VERSION_ID="12"|ID=debian': DEBIAN,
    'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"|VERSION_ID="13"|ID=debian': DEBIAN,
}

REFUSED = (
    'ID="rhel"|ID_LIKE="fedora"|VERSION_ID="8.10"|PLATFORM_ID="platform:el8"',
    'ID="rhel"|ID_LIKE="fedora"|VERSION_ID="7.5"|VARIANT_ID="server"',
    'ID="centos"|ID_LIKE="rhel fedora"|VERSION_ID="8"|PLATFORM_ID="platform:el8"',
    'ID="centos"|ID_LIKE="rhel fedora"|VERSION_ID="7"',
    'ID="almalinux"|ID_LIKE="rhel centos fedora"|VERSION_ID="8.10"|PLATFORM_ID="platform:el8"',
    'ID="rocky"|ID_LIKE="rhel centos fedora"|VERSION_ID="8.9"|PLATFORM_ID="platform:el8"',
    'ID="ol"|ID_LIKE="fedora"|VERSION_ID="8.7"|PLATFORM_ID="platform:el8"|VARIANT_ID="server"',
    'ID="ol"|ID_LIKE="fedora"|VERSION_ID="7.9"|VARIANT_ID="server"',
    'ID="tencentos"|ID_LIKE="rhel fedora centos"|VERSION_ID="3.3"|PLATFORM_ID="platform:el8"',
    'ID="rhcos"|ID_LIKE="rhel fedora"|VERSION_ID="4.13"|PLATFORM_ID="platform:el9"|VARIANT_ID=coreos',
    'ID="amzn"|ID_LIKE="centos rhel fedora"|VERSION_ID="2"',
    'ID="amzn"|ID_LIKE="fedora"|VERSION_ID="2023"|PLATFORM_ID="platform:al2023"',
    'ID="xenenterprise"|ID_LIKE="centos rhel fedora"|VERSION_ID="8.2.0"',
    'ID="xenenterprise"|ID_LIKE="centos rhel fedora"',
    # A version number of RHEL's, and packages of its own.
    'ID=mageia|VERSION_ID=9|ID_LIKE="mandriva fedora"',
    'ID="any"|ID_LIKE="rhel fedora"|VERSION_ID="9.2"|PLATFORM_ID="platform:oc9"',
    'ID="openEuler"|VERSION_ID="24.03"',
    'ID="opensuse-leap"|ID_LIKE="suse opensuse"|VERSION_ID="16.0"',
    'VERSION_ID="11"|ID=debian',
    "ID=debian",  # testing, and unstable
    'VERSION_ID="24.04"|ID=ubuntu|ID_LIKE=debian',
    'ID=linuxmint|ID_LIKE="ubuntu debian"|VERSION_ID="22"',
    'VERSION_ID="12"|ID=raspbian|ID_LIKE=debian',
    "ID=arch|VERSION_ID=TEMPLATE_VERSION_ID",
    "",
)


@pytest.mark.parametrize("words", SUPPORTED)
def test_supported(words: str) -> None:
    assert choose(read(words)) is SUPPORTED[words]
    assert load(read(words)) is SUPPORTED[words]


@pytest.mark.parametrize("words", REFUSED)
def test_unsupported_is_one_line(words: str) -> None:
    system = read(words)
    assert choose(system) is None
    with pytest.raises(SystemExit) as refusal:
        load(system)
    assert "is not supported: a server is Fedora, RHEL 9 or 10 or a relative of them" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_where_images_are_composed() -> None:
    assert composes(RED_HAT, machine("fedora", "44"))
    assert not composes(DEBIAN, machine("debian", "13"))
    assert composes(DEBIAN, machine("debian", "13", has_rpm_ostree=True))


@pytest.mark.parametrize("start", [0, 1])
def test_a_failed_httpd_init_says_why(tmp_path: Path, start: int) -> None:
    reason = "/usr/libexec/httpd-ssl-gencerts: line 5: hostname: command not found"
    programs = {
        "systemctl": f'[ "$*" = "start httpd-init.service" ] || exit 9\n'
        f"[ {start} = 0 ] || echo 'Job for httpd-init.service failed.' >&2; exit {start}",
        "journalctl": f'case "$*" in *httpd-init.service*) echo {reason!r}; echo again; esac',
        "httpd": "echo 'Syntax OK' >&2",
    }
    for name, script in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    # As managed_files runs a test.
    done = subprocess.run(
        ["sh", "-c", f"set -eu; if {{ {RED_HAT.httpd.test}; }} >&2; then echo accepted; fi"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    said = f"httpd-init.service failed, which makes the certificate of mod_ssl: {reason} again"
    assert HTTPD_INIT in RED_HAT.httpd.test
    assert (said in done.stderr.splitlines()) == bool(start)
    assert ("Syntax OK" in done.stderr, done.stdout) == ((False, "") if start else (True, "accepted\n"))


def test_a_server_of_another_architecture_is_one_line() -> None:
    check_architecture("images", machine("fedora", "44"), "x86_64")
    with pytest.raises(SystemExit) as refusal:
        check_architecture("images", machine("fedora", "44"), "aarch64")
    said = str(refusal.value)
    assert said.startswith("The server images is x86_64, ostree_architecture says aarch64: ")
    assert "\n" not in said
