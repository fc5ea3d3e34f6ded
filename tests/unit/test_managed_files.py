"""The script of managed_files.declared, run by the shell on files of this test."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path
from typing import Any

import pytest

from tasks.operations.managed_files import Directory, File, Link
from tests.unit.managed_host import apply

OWNER = pwd.getpwuid(os.getuid()).pw_name
GROUP = grp.getgrgid(os.getgid()).gr_name


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_is_made_and_the_second_time_nothing(tmp_path: Path) -> None:
    content = bytes(range(256)) * 40
    arguments: dict[str, Any] = {
        "directories": [Directory(f"{tmp_path}/a b/c", OWNER, GROUP, "750")],
        "files": [
            File(f"{tmp_path}/a b/c/binary", content, OWNER, GROUP, "755"),
            File(f"{tmp_path}/a b/c/text", "$HOME `id` 'quoted'\n", OWNER, GROUP, "640"),
            File(f"{tmp_path}/a b/c/empty", None, OWNER, GROUP, "660"),
        ],
        "links": [Link(f"{tmp_path}/link", "a b/c/text")],
    }
    done = apply(**arguments)
    assert done is not None
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "a b/c/binary").read_bytes() == content
    assert (tmp_path / "link").read_text() == "$HOME `id` 'quoted'\n"
    assert [mode(tmp_path / "a b/c" / name) for name in ("binary", "text", "empty")] == [0o755, 0o640, 0o660]
    assert mode(tmp_path / "a b") == 0o755
    assert mode(tmp_path / "a b/c") == 0o750
    assert sorted(each.name for each in (tmp_path / "a b/c").iterdir()) == ["binary", "empty", "text"]
    assert apply(**arguments) is None


def test_drift_is_repaired_and_only_that(tmp_path: Path) -> None:
    files = [File(f"{tmp_path}/{name}", name, OWNER, GROUP, "644") for name in ("one", "two")]
    apply(files=files)
    before = (tmp_path / "two").stat()  # but the time of reading, which may change
    (tmp_path / "one").write_text("changed")
    (tmp_path / "one").chmod(0o666)
    apply(files=files)
    assert (tmp_path / "one").read_text() == "one"
    assert mode(tmp_path / "one") == 0o644
    after = (tmp_path / "two").stat()
    assert (after.st_ino, after.st_mode, after.st_ctime_ns) == (
        before.st_ino,
        before.st_mode,
        before.st_ctime_ns,
    )


def test_a_mode_is_repaired_in_place(tmp_path: Path) -> None:
    files = [File(f"{tmp_path}/one", "one", OWNER, GROUP, "600")]
    apply(files=files)
    inode = (tmp_path / "one").stat().st_ino
    (tmp_path / "one").chmod(0o644)
    apply(files=files)
    assert mode(tmp_path / "one") == 0o600
    assert (tmp_path / "one").stat().st_ino == inode


def test_content_that_is_not_declared_stays(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("entry\n")
    apply(files=[File(f"{tmp_path}/journal", None, OWNER, GROUP, "600")])
    assert (tmp_path / "journal").read_text() == "entry\n"


def test_refused_content_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("good\n")
    done = apply(files=[File(f"{tmp_path}/rules", "bad\n", OWNER, GROUP, validate="grep -q good")])
    assert done is not None
    assert done.returncode != 0
    assert (tmp_path / "rules").read_text() == "good\n"
    assert [each.name for each in tmp_path.iterdir()] == ["rules"]


@pytest.mark.parametrize("check", ["false", "exit 3"])
def test_what_fails_its_test_is_taken_back(tmp_path: Path, check: str) -> None:
    (tmp_path / "old").write_text("old\n")
    (tmp_path / "surplus").write_text("surplus\n")
    (tmp_path / "link").symlink_to("old")
    arguments: dict[str, Any] = {
        "files": [
            File(f"{tmp_path}/old", "changed\n", OWNER, GROUP),
            File(f"{tmp_path}/new", "new\n", OWNER, GROUP),
        ],
        "links": [Link(f"{tmp_path}/link", "new")],
        "absent": [f"{tmp_path}/surplus"],
    }
    done = apply(**arguments, check=f"({check})")
    assert done is not None
    assert done.returncode == 1
    assert "the previous files are back" in done.stderr
    assert (tmp_path / "old").read_text() == "old\n"
    assert (tmp_path / "surplus").read_text() == "surplus\n"
    assert str((tmp_path / "link").readlink()) == "old"
    assert not (tmp_path / "new").exists()
    done = apply(**arguments, check="true")
    assert done is not None
    assert done.returncode == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "new", "old"]


def test_a_failing_step_is_taken_back_before_the_test(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old\n")
    files = [
        File(f"{tmp_path}/old", "changed\n", OWNER, GROUP),
        File(f"{tmp_path}/missing/new", "new\n", OWNER, GROUP),
    ]
    done = apply(files=files, check="true")
    assert done is not None
    assert done.returncode == 1
    assert (tmp_path / "old").read_text() == "old\n"


def test_a_directory_goes_only_where_it_is_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/theirs").touch()
    absent = [f"{tmp_path}/empty", f"{tmp_path}/kept", f"{tmp_path}/none"]
    done = apply(absent=absent)
    assert done is not None
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
