"""Versions of a program: unpacked, compiled, switched, kept, removed, repaired by a real shell and Python."""

from __future__ import annotations

import ast
import io
import os
import shlex
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from tasks.operations.program import Program
from tasks.pyinfra_gaps.templates import render
from tests.unit.managed_host import apply, planned

# A program that stops in the middle of its work, and then imports what it has not needed before.
MAIN = """
def main(**role):
    print("started", flush=True)
    input()
    from . import later
    print(later.VERSION)

forced_command = lambda arguments, entries: main()
"""


def program(folder: Path, version: str, interpreter: str = sys.executable) -> Program:
    """Return a version of a small program; folder: where its link is."""
    modules = {
        "__main__": "import ostree_release",
        "ostree_release/__init__": "",
        "ostree_release/__main__": MAIN,
        "ostree_release/later": f"VERSION = {version!r}",
        "ostree_release/access/__init__": "",
        "ostree_release/access/ci_forced_command": "from ..__main__ import forced_command",
    }
    zipapp = io.BytesIO(b"#!/usr/bin/python3\n")
    zipapp.seek(0, os.SEEK_END)
    with zipfile.ZipFile(zipapp, "a") as archive:
        for name, source in modules.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.py"), source)
    return Program(f"{folder}/program", zipapp.getvalue(), interpreter)


def install(wanted: Program) -> None:
    done = apply(programs=[wanted])
    assert done is not None
    assert (done.returncode, done.stderr) == (0, "")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def wrapped(path: Path, script: str) -> str:
    """Make an interpreter that runs some shell first."""
    path.write_text(f'#!/bin/sh\n{script}\nexec {shlex.quote(sys.executable)} "$@"\n')
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where programs are unpacked; its name has a space."""
    path = tmp_path / "lib exec"
    path.mkdir(mode=0o755)
    return path


def test_it_is_unpacked_compiled_and_linked_and_the_second_time_nothing(folder: Path) -> None:
    wanted = program(folder, "1")
    install(wanted)
    assert planned(programs=[wanted]) is None
    assert names(folder) == {"program", wanted.version}
    link = folder / "program"
    assert str(link.readlink()) == wanted.version
    with zipfile.ZipFile(io.BytesIO(wanted.zipapp)) as archive:
        for name in archive.namelist():
            assert (link / name).read_bytes() == archive.read(name)
    for path in link.resolve().rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path


def test_python_uses_what_was_compiled_whatever_the_times_are(folder: Path) -> None:
    install(program(folder, "1"))
    source = (folder / "program").resolve() / "ostree_release/later.py"
    os.utime(source, (1, 1))
    code = f"import sys; sys.path.insert(0, {str(source.parents[1])!r}); import ostree_release.later"
    done = subprocess.run(
        [sys.executable, "-I", "-v", "-c", code], capture_output=True, text=True, check=True
    )
    compiled = cache_from_source(str(source))
    assert f"# {compiled} matches {source}" in done.stderr
    assert f"# code object from '{compiled}'" in done.stderr
    assert str(source).encode() in Path(compiled).read_bytes(), "a traceback would name another file"


DRIFTS: dict[str, Callable[[Path], object]] = {
    "a source": lambda package: (package / "later.py").write_text("VERSION = 0"),
    "a missing source": lambda package: (package / "later.py").unlink(),
    "a compiled file": lambda package: next(package.rglob("*.pyc")).write_bytes(b""),
    "a missing compiled file": lambda package: next(package.rglob("*.pyc")).unlink(),
    "all compiled files": lambda package: shutil.rmtree(package / "__pycache__"),
    "one more file": lambda package: (package.parent / "json.py").touch(),
    "a mode": lambda package: (package / "later.py").chmod(0o666),
    "a directory's mode": lambda package: package.chmod(0o700),
    "a link in place of a file": lambda package: _to_link(package / "later.py"),
    "no seal": lambda package: (package.parent / ".seal").unlink(),
    "the folder": lambda package: shutil.rmtree(package.parent),
}


def _to_link(path: Path) -> None:
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to("../elsewhere")


def test_whatever_changes_in_it_is_noticed_and_the_whole_is_repaired(folder: Path) -> None:
    before, wanted = program(folder, "1"), program(folder, "2")
    install(before)
    install(wanted)
    package = folder / wanted.version / "ostree_release"
    saved = folder / "saved"
    shutil.copytree(package.parent, saved, symlinks=True)
    for drift, damage in DRIFTS.items():
        damage(package)
        assert planned(programs=[wanted]) is not None, drift
        shutil.rmtree(package.parent, ignore_errors=True)
        shutil.copytree(saved, package.parent, symlinks=True)
        assert planned(programs=[wanted]) is None, drift
    shutil.rmtree(saved)
    for drift in ("a source", "one more file", "a directory's mode", "no seal"):
        DRIFTS[drift](package)
    install(wanted)
    assert planned(programs=[wanted]) is None
    assert names(folder) == {"program", before.version, wanted.version}


def test_a_link_that_leads_elsewhere_is_switched_and_the_folder_left_alone(folder: Path) -> None:
    wanted = program(folder, "1")
    install(wanted)
    inode = (folder / wanted.version).stat().st_ino
    (folder / "program").unlink()
    (folder / "program").symlink_to("/nowhere")
    install(wanted)
    assert str((folder / "program").readlink()) == wanted.version
    assert (folder / wanted.version).stat().st_ino == inode


def test_another_python_compiles_it_again(folder: Path, tmp_path: Path) -> None:
    install(program(folder, "1"))
    upgraded = wrapped(tmp_path / "python", 'if [ "$1" = -V ]; then echo Python 9.9.9; exit; fi')
    wanted = program(folder, "1", upgraded)
    install(wanted)
    assert planned(programs=[wanted]) is None


def test_the_version_before_is_kept_and_no_other(folder: Path) -> None:
    one, two, three, four = (program(folder, version) for version in "1234")
    for wanted in (one, two, three):
        install(wanted)
    assert names(folder) == {"program", two.version, three.version}
    install(two)
    install(four)
    assert names(folder) == {"program", two.version, four.version}
    assert str((folder / "program").readlink()) == four.version


def test_a_folder_appears_when_it_is_complete_and_an_interruption_is_made_good(
    folder: Path, tmp_path: Path
) -> None:
    before = program(folder, "1")
    install(before)
    killed = wrapped(tmp_path / "python", 'case "$*" in *compileall*) kill -9 $PPID; exit;; esac')
    wanted = program(folder, "2")
    done = apply(programs=[program(folder, "2", killed)])
    assert done is not None
    assert done.returncode != 0
    assert str((folder / "program").readlink()) == before.version
    assert names(folder) - {".program"} == {"program", before.version}
    install(wanted)
    assert names(folder) == {"program", before.version, wanted.version}
    assert str((folder / "program").readlink()) == wanted.version


def test_what_did_not_arrive_as_it_was_sent_is_not_unpacked(folder: Path) -> None:
    before, wanted = program(folder, "1"), program(folder, "2")
    install(before)
    vars(wanted)["version"] = "0" * 64
    done = apply(programs=[wanted])
    assert done is not None
    assert done.returncode != 0
    assert names(folder) == {"program", before.version}
    assert str((folder / "program").readlink()) == before.version


@pytest.mark.parametrize("template", ["command", "role", "ci"])
def test_what_runs_stays_what_it_was_when_the_link_is_switched(
    folder: Path, tmp_path: Path, template: str
) -> None:
    old, new = program(folder, "old"), program(folder, "new")
    install(old)
    entry = tmp_path / "entry"
    entry.write_text(render(f"libexec/{template}.py.j2", program=old.path, role="a", ci=False, entries={}))
    assert entry.read_text().startswith("#!/usr/bin/python3 -I\n")
    ast.parse(entry.read_text(), feature_version=(3, 9))
    printed = []
    for wanted in (new, old):
        with subprocess.Popen(
            [sys.executable, "-I", entry], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as running:
            assert running.stdin
            assert running.stdout
            assert running.stdout.readline() == "started\n"
            install(wanted)
            printed.append(running.communicate("\n")[0])
    assert printed == ["old\n", "new\n"]


def test_what_is_whole_stays_where_it_is(folder: Path) -> None:
    """Another run may have been first, and its program be running."""
    wanted = program(folder, "1")
    install(wanted)
    before = Path(wanted.folder).stat().st_ino
    Path(wanted.path).unlink()
    install(wanted)
    assert Path(wanted.path).resolve() == Path(wanted.folder)
    assert Path(wanted.folder).stat().st_ino == before
