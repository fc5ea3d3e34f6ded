"""deploy.py through pyinfra's command line, on a server that exists on paper and has nothing yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command_line import Run
from tests.command_output import said
from tests.plan.fleet import GOOD, changes, pyinfra

FEDORA = ("ID=fedora", "VERSION_ID=44", 'PRETTY_NAME="Fedora Linux 44"')
DEBIAN = ("ID=debian", 'VERSION_ID="13"', 'PRETTY_NAME="Debian GNU/Linux 13"')


def deploy(
    folder: Path, *arguments: str, architecture: str = "aarch64", system: tuple[str, ...] = FEDORA
) -> Run:
    answers = {
        "/etc/os-release": said("UID=0", f"ARCHITECTURE={architecture}", *system),
        "/declared/gates": said() * 3,  # asked with the keys and the names of other files
        "' wanted ;": said("== wanted", "== installed"),
        "' passwd ;": said("== passwd", "== group"),
        "=== output": said(),  # whatever else is asked
    }
    return pyinfra(folder, ["deploy.py", "--json", *arguments], {"good1": GOOD}, servers=answers)


def test_everything_follows_the_architecture(tmp_path: Path) -> None:
    run = deploy(
        tmp_path,
        *("--dry", "--diff", "--data", "ostree_architecture=aarch64"),
        *("--data", "ostree_compose_nightly=True"),
    )
    assert run.code == 0, run.err
    written = {line.strip().removeprefix("+ ").strip().rstrip(",") for line in run.err.splitlines()}
    for name in ("dev", "pilot", "stable"):
        assert f'"ref": "fedora/aarch64/kinoite/{name}"' in written
    assert {"ref: fedora/aarch64/kinoite/dev", "basearch: aarch64"} <= written
    assert {"ostree-release-compose@.timer", "kinoite-dev.yaml", "kinoite.repo"} <= {
        line.rpartition("/")[2] for line in written if line.startswith("[@fake/server] Will create")
    }
    assert "arch=$basearch" in run.err
    assert "fedora/x86_64" not in run.err
    assert "basearch: x86_64" not in run.err
    assert {"Treefiles | Treefiles and package repositories", "Schedule | Timers"} <= changes(
        run.document
    ).keys()


@pytest.mark.parametrize("how", ["--dry", "-y"])
@pytest.mark.parametrize("system", [FEDORA, DEBIAN])
@pytest.mark.parametrize(("server", "setting"), [("aarch64", "x86_64"), ("x86_64", "ppc64le")])
def test_a_server_of_another_architecture_is_refused_before_anything_changes(
    tmp_path: Path, how: str, system: tuple[str, ...], server: str, setting: str
) -> None:
    given = ("--data", f"ostree_architecture={setting}")
    run = deploy(tmp_path, how, *given, architecture=server, system=system)
    assert run.code == 1
    line = f"The server @fake/server is {server}, ostree_architecture says {setting}: "
    assert len([each for each in run.err.splitlines() if each.startswith(line)]) == 1, run.err
    assert "operation" not in run.out
    assert "Will create" not in run.err


def test_an_architecture_that_fedora_has_no_kinoite_for_is_refused(tmp_path: Path) -> None:
    run = deploy(tmp_path, "-y", "--data", "ostree_architecture=arm64")
    assert run.code == 1
    line = "ostree_architecture = 'arm64': must be 'x86_64' or 'aarch64' or 'ppc64le'"
    assert [each for each in run.err.splitlines() if line in each] == [f"@fake/server: {line}"]
    assert "Connecting" not in run.err


def test_what_all_operations_ask_first_is_asked_together(tmp_path: Path) -> None:
    run = deploy(tmp_path, "-y", "-v", "--data", "ostree_architecture=aarch64")
    asked = [line.partition("questions=")[2] for line in run.err.splitlines() if "_Together" in line]
    assert asked == [
        "[SigningKeys, Content, Content])",
        "[InstalledPackages, Accounts, ManagedFiles, Repositories, Firewalld, ManagedFiles, CertificatesDue,"
        " Units, ManagedFiles, Units, ManagedFiles, ManagedFiles, ManagedFiles, ManagedFiles, ManagedFiles,"
        " Units])",
    ]
