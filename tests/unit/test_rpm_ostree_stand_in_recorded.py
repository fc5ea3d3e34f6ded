"""The stand-in's words beside those of the real rpm-ostree, where both are given the same."""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import lab.rpm_ostree
from lab.rpm_ostree import transaction
from lab.rpm_ostree.errors import FailedError
from lab.rpm_ostree.main import main
from lab.rpm_ostree.packages import Package
from tests.recorded.recordings import CLIENT, recorded, recorded_status

# Every recorded state without what the stand-in refuses to make: layered packages, drivers, policies.
STATES = (
    "after-check",
    "after-finalize-reboot",
    "after-reboot",
    "after-rollback",
    "after-rollback-again",
    "after-upgrade-reboot",
    "bare-metadata",
    "deploy-older-version",
    "deploy-version",
    "downgrade-staged",
    "fresh",
    "local-file-remote",
    "locked",
    "pinned",
    "rebase-at-version",
    "rebase-back",
    "rebase-no-remote-in-refspec",
    "rebase-older",
    "rebase-staged",
    "rebase-unbound-dev-commit",
    "remote-deleted",
    "remote-no-gpg-verify",
    "still-locked",
    "textcopy",
    "unlocked",
    "upgrade-staged",
)
# What only this machine and this moment decide, as `replaced` leaves it out.
_HISTORY = re.compile(r"\d+ metadata, \d+ content objects fetched.*|Freed: .*")
# The recorded images: what differs between them, by version.
_NEWER = ("42.20250203.0", "42.20260208.0", "42.20260301.0")


class NoLibostreeError(Exception):
    """Stands for the errors of GLib."""


@pytest.fixture(scope="module")
def stand_in() -> Iterator[SimpleNamespace]:
    """The stand-in's modules, with nothing of libostree behind them."""
    before = set(sys.modules)
    repository = ModuleType("gi.repository")
    for name in ("Gio", "GLib", "OSTree"):
        setattr(repository, name, SimpleNamespace(Error=NoLibostreeError, Sysroot=object, Deployment=object))
    stubs = {"gi": SimpleNamespace(require_version=lambda *_: None), "gi.repository": repository}
    with pytest.MonkeyPatch.context() as patch:
        for name, stub in stubs.items():
            patch.setitem(sys.modules, name, stub)
        names = ("status", "changes")
        yield SimpleNamespace(**{name: importlib.import_module(f"lab.rpm_ostree.{name}") for name in names})
    for name in set(sys.modules) - before:
        module = sys.modules.pop(name)
        if name.startswith("lab.rpm_ostree.") and getattr(lab.rpm_ostree, name[15:], None) is module:
            delattr(lab.rpm_ostree, name[15:])


def packages(version: str) -> list[Package]:
    """What the recorded image of a version has, as far as they differ."""
    hello, tool = ("1.1", "newtool") if version in _NEWER else ("1.0", "oldtool")
    return [
        Package("hello", "0", hello, "1.fc42", "x86_64"),
        Package(tool, "0", "1.0", "1.fc42", "noarch"),
    ]


def replaced(lines: list[str]) -> list[str]:
    """Lines with checksums replaced, and without those about the history of a machine."""
    found = [re.sub("[0-9a-f]{64}", "CHECKSUM", line) for line in lines]
    return [line for line in found if not _HISTORY.fullmatch(line)]


@pytest.mark.parametrize("state", STATES)
def test_the_status_in_words(stand_in: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    document = recorded_status(state)
    versions = {each["checksum"]: each.get("version", _NEWER[0]) for each in document["deployments"]}
    monkeypatch.setattr(stand_in.status, "packages_of", lambda _, checksum: packages(versions[checksum]))
    monkeypatch.setattr(transaction, "current", lambda: None)
    printed = stand_in.status.as_text(SimpleNamespace(repo=lambda: None), document)
    assert printed == recorded(f"status-{state}").stdout


def test_the_status_of_a_busy_machine_begins_with_the_transaction(
    stand_in: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = transaction.Transaction("Rebase", "rebase slow:fedora/x86_64/kinoite/pilot", 59)
    monkeypatch.setattr(transaction, "current", lambda: running)
    printed = stand_in.status.as_text(SimpleNamespace(repo=lambda: None), {"deployments": []})
    assert printed == recorded("status-busy").stdout[: len(printed)]
    assert recorded_status("busy")["transaction"][:2] == [running.method, f":1.{running.process}"]


class Deployment:
    """A deployment of a version; its checksum says which."""

    def __init__(self, version: str, ref: str = "stable", staged: bool = False) -> None:
        self.version, self.ref, self.staged = version, ref, staged

    def get_csum(self) -> str:
        return hashlib.sha256(self.version.encode()).hexdigest()

    def get_osname(self) -> str:
        return "fedora"

    def get_deployserial(self) -> int:
        return 0

    def is_staged(self) -> bool:
        return self.staged

    def is_pinned(self) -> bool:
        return False

    def equal(self, other: Deployment) -> bool:
        return self is other


class Sysroot:
    """Deployments in order, of which one is booted; a boot loader knows all but a staged one."""

    def __init__(self, deployments: list[Deployment], booted: int) -> None:
        self.deployments, self.booted = deployments, deployments[booted]
        self.handlers: list[Callable[[object, str], None]] = []

    def get_booted_deployment(self) -> Deployment:
        return self.booted

    def get_deployments(self) -> list[Deployment]:
        return self.deployments

    def query_deployments_for(self, _: str) -> tuple[Deployment | None, Deployment | None]:
        at = self.deployments.index(self.booted)
        after = self.deployments[at + 1 :]
        return (self.deployments[0] if at else None), (after[0] if after else None)

    def repo(self) -> Any:
        return SimpleNamespace(set_ref_immediate=lambda *_: None)

    def origin_new_from_refspec(self, _: str) -> Any:
        return SimpleNamespace(set_string=lambda *_: None)

    def stage_tree(self, *_: object) -> tuple[bool, Deployment]:
        return True, Deployment("staged", staged=True)

    def connect(self, signal: str, handler: Callable[[object, str], None]) -> int:
        assert signal == "journal-msg"
        self.handlers.append(handler)
        return 1

    def disconnect(self, _: int) -> None:
        self.handlers.clear()

    def write_deployments(self, deployments: list[Deployment], _: None) -> None:
        before, after = (
            [each for each in some if not each.staged] for some in (self.deployments, deployments)
        )
        if before != after:
            words = f"bootversion: boot.1.1, deployment count change: {len(after) - len(before)}"
            self.handlers[0](self, f"Bootloader updated; bootconfig swap: yes; {words}")


FRESH = ["42.20250204.0"]
TWO = ["42.20250203.0", "42.20250106.0"]
HOME = "fedora/x86_64/kinoite"
# Recording: versions of the deployments, the number of the booted one, whether the first is staged, and the
# version that the remote has.
CHANGES: dict[str, tuple[list[str], int, bool, str]] = {
    "upgrade": (FRESH, 0, False, "42.20250203.0"),
    "upgrade-nochange": (FRESH, 0, False, "42.20250204.0"),
    "upgrade-nochange-unchanged-exit-77": (FRESH, 0, False, "42.20250204.0"),
    "upgrade-allow-downgrade": (["42.20250203.0"], 0, False, "42.20250106.0"),
    "rebase": (FRESH, 0, False, "42.20250203.0"),
    "rebase-same-ref": (FRESH, 0, False, "42.20250204.0"),
    "rebase-at-version": (FRESH, 0, False, "42.20250203.0"),
    "deploy-version": (["42.20250203.0"], 0, False, "42.20250204.0"),
    "deploy-older-version": (["42.20250203.0"], 0, False, "42.20250106.0"),
    "deploy-current-version": (["42.20250203.0"], 0, False, "42.20250203.0"),
    "rollback": (TWO, 0, False, ""),
    "rollback-nothing": (FRESH, 0, False, ""),
    "rollback-with-staged": (["42.20250203.0", *FRESH], 1, True, ""),
    "cleanup-p": (["42.20250203.0", *FRESH], 1, True, ""),
    "cleanup-p-nothing": (FRESH, 0, False, ""),
    "cleanup-r": (TWO, 0, False, ""),
    "cleanup-no-option": (FRESH, 0, False, ""),
    "cancel-nothing": (FRESH, 0, False, ""),
    "reload": (FRESH, 0, False, ""),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_command_that_changes_something(
    stand_in: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    versions, booted, staged, there = CHANGES[name]
    sysroot = Sysroot([Deployment(each) for each in versions], booted)
    sysroot.deployments[0].staged = staged
    of = {Deployment(each).get_csum(): each for each in [*versions, there]}
    changes, machine = stand_in.changes, stand_in.changes.machine

    def find_revision(_: object, __: object, revision: str) -> str:
        print(f"Resolving version '{revision}'")
        return Deployment(revision).get_csum()

    monkeypatch.setattr(machine, "load", lambda **_: sysroot)
    monkeypatch.setattr(machine, "origin_of", lambda each: machine.Refspec("prod", f"{HOME}/{each.ref}"))
    monkeypatch.setattr(machine, "parse_refspec", lambda text: machine.Refspec(*text.split(":")))
    monkeypatch.setattr(changes, "run", lambda _, __, work, **___: work())
    monkeypatch.setattr(changes, "pull", lambda *_, **__: Deployment(there).get_csum())
    monkeypatch.setattr(changes, "find_revision", find_revision)
    monkeypatch.setattr(changes, "packages_of", lambda _, checksum: packages(of[checksum]))
    for forgotten in ("forget", "remember"):
        monkeypatch.setattr(changes, forgotten, lambda *_: None)
    monkeypatch.setattr(transaction, "LOCK", CLIENT / "no lock")
    run = recorded(name)
    command = (CLIENT / f"{name}.txt").read_text().splitlines()[0].removeprefix("$ rpm-ostree ").split()
    assert main(command) == run.code
    said = capsys.readouterr()
    assert replaced(said.out.splitlines()) == replaced(run.stdout)
    assert said.err.splitlines() == run.stderr


@pytest.mark.parametrize("name", ["upgrade-while-busy", "cleanup-while-busy", "upgrade-not-root"])
def test_a_command_that_may_not_begin(
    stand_in: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    name: str,
) -> None:
    running = {"method": "Rebase", "title": "rebase slow:fedora/x86_64/kinoite/pilot", "process": 59}
    lock = tmp_path / "lock"
    lock.write_text(json.dumps(running))
    monkeypatch.setattr(transaction, "LOCK", lock)
    monkeypatch.setattr(os, "geteuid", lambda: 65534 if name == "upgrade-not-root" else 0)
    run = recorded(name)
    with lock.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert main(["cleanup", "-p"] if name.startswith("cleanup") else ["upgrade"]) == run.code
    assert capsys.readouterr().err.splitlines() == run.stderr


def test_a_change_that_is_cancelled_says_in_which_step(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(transaction, "LOCK", tmp_path / "lock")
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def work() -> int:
        transaction.begin(f"While pulling {HOME}/pilot")
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    with pytest.raises(FailedError) as failure:
        transaction.run("Rebase", f"rebase slow:{HOME}/pilot", work)
    assert f"error: {failure.value}" in (CLIENT / "cancelled-rebase-output.txt").read_text().splitlines()
