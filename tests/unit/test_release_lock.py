"""Locks, and the files through which a compose is asked for."""

from __future__ import annotations

import fcntl
import os
import re
import time
from pathlib import Path

import pytest

from ostree_release import disk, lock
from ostree_release.composing import follow
from ostree_release.errors import Busy, Refused


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for name in ("prod.writer", "prod.objects", "journal"):
        (tmp_path / name).touch()
    return tmp_path


def test_one_writer_who_is_named(run: Path) -> None:
    assert lock.held_by(run, "prod") is None
    with lock.writer(run, "prod", "anna (promote)"):
        assert lock.held_by(run, "prod") == "anna (promote)"
        with (
            pytest.raises(Busy, match=r"prod is locked by anna \(promote\)"),
            lock.writer(run, "prod", "bob"),
        ):
            pytest.fail("two writers")
    assert lock.held_by(run, "prod") is None
    with pytest.raises(ValueError, match="x"), lock.writer(run, "prod", "anna"):
        raise ValueError("x")
    assert (run / "prod.writer").read_bytes() == b""


def test_a_killed_holder_leaves_no_lock(run: Path) -> None:
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        with lock.writer(run, "prod", "anna (promote)"):
            os.write(told, b"x")
            time.sleep(60)
    os.read(ready, 1)
    assert lock.held_by(run, "prod") == "anna (promote)"
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    with lock.writer(run, "prod", "bob"):
        assert lock.held_by(run, "prod") == "bob"


def test_many_share_objects(run: Path) -> None:
    def deleting() -> bool:
        with (run / "prod.objects").open("rb+") as file:
            return lock._lock(file.fileno(), fcntl.F_WRLCK)

    with lock.objects(run, "prod"), lock.objects(run, "prod"):
        assert not deleting()
    assert deleting()
    with (run / "prod.objects").open("rb+") as file:
        assert lock._lock(file.fileno(), fcntl.F_WRLCK)
        with pytest.raises(Busy, match="objects of prod are being deleted"), lock.objects(run, "prod"):
            pytest.fail("read what is being deleted")


def test_a_missing_or_linked_lock_file(run: Path) -> None:
    with pytest.raises(Refused, match="systemd-tmpfiles"), lock.objects(run, "dev"):
        pytest.fail("locked nothing")
    (run / "dev.writer").symlink_to("prod.writer")
    with pytest.raises(OSError, match="symbolic"), lock.writer(run, "dev", "anna"):
        pytest.fail("followed a link")


def test_a_request_is_taken_once_and_only_while_fresh(tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    assert follow.take_request(path) == {}
    follow.write(path, {"actor": "anna", "time": time.time()})
    assert path.stat().st_mode & 0o777 == 0o600
    assert follow.take_request(path)["actor"] == "anna"
    assert not path.exists()
    follow.write(path, {"actor": "anna", "time": time.time() - 3600})
    assert follow.take_request(path) == {}
    path.write_text("{")
    assert follow.take_request(path) == {}
    assert list(tmp_path.iterdir()) == []


def test_linked_objects_count_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/one").write_bytes(b"x" * 10000)
    alone = disk.usage(tmp_path)["repository_bytes"]
    (tmp_path / "two").hardlink_to(tmp_path / "a/one")
    assert disk.usage(tmp_path)["repository_bytes"] == alone >= 10000


def test_what_goes_away_while_it_is_counted_counts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"x" * 10000)
    alone = disk.usage(tmp_path)["repository_bytes"]
    (tmp_path / "staging").mkdir()
    scandir = os.scandir

    def vanishing(path: str) -> object:
        if path.endswith("staging"):
            raise FileNotFoundError(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", vanishing)
    assert disk.usage(tmp_path)["repository_bytes"] == alone


def test_too_little_room_names_both_numbers(tmp_path: Path) -> None:
    disk.require("compose of dev", 1, tmp_path)
    with pytest.raises(Refused, match=rf"compose of dev: .* free at {tmp_path}, 1048576\.0 TiB are"):
        disk.require("compose of dev", 1 << 60, tmp_path)


def test_nothing_is_changed_but_by_what_completes_first_what_was_interrupted() -> None:
    """`changing` alone takes the writer lock: a new command cannot forget the repair."""
    program = Path(lock.__file__).parent
    takes = [path.name for path in program.rglob("*.py") if re.search(r"\bwriter\(", path.read_text())]
    assert sorted(takes) == ["lock.py", "recovery.py"]
