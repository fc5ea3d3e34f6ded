"""Running rpm-ostree: what it prints, why it failed, and what it leaves behind when it is killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ostree_release.composing import rpm_ostree
from ostree_release.composing.follow import how, late
from ostree_release.composing.rpm_ostree import Ended, failure
from tests.recorded.composes import recorded_compose


@pytest.fixture(name="program")
def _program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a program of that name to write; `pid` beside it is where it may leave the id of a child."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    path = tmp_path / "rpm-ostree"
    path.touch(mode=0o755)
    return path


def test_what_it_prints_is_shown_and_kept(program: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program.write_text(
        "#!/bin/sh\necho one $1; echo two >&2; printf 'a\\377'; printf 'error: no end' >&2; exit 3\n"
    )
    ended = rpm_ostree.run(["compose"])
    assert ended == Ended(3, ("one compose", "a\ufffd"), ("two", "error: no end"))
    shown = capfd.readouterr()
    assert sorted(shown.err.splitlines()) == ["a\ufffd", "error: no end", "one compose", "two"]
    assert shown.out == ""
    assert failure(ended, False) == "rpm-ostree ended with exit status 3: error: no end"


def test_nothing_of_much_output_is_lost(program: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program.write_text("#!/bin/sh\nseq 100000; seq 50000 >&2; echo 'error: the last' >&2; exit 1\n")
    ended = rpm_ostree.run([])
    assert ended.output == tuple(map(str, range(1, 100_001)))
    assert ended.errors == (*map(str, range(1, 50_001)), "error: the last")
    assert len(capfd.readouterr().err.splitlines()) == 150_001


def test_what_a_killed_one_leaves_behind_holds_nobody_up(program: Path) -> None:
    program.write_text(
        f"#!/bin/sh\nsleep 600 &\necho $! >{program.parent}/pid\necho 'going on' >&2\nkill -KILL $$\n"
    )
    ended = rpm_ostree.run([])
    child = int((program.parent / "pid").read_text())
    os.kill(child, 0)  # it still holds both streams open
    os.kill(child, signal.SIGKILL)
    assert ended == Ended(-9, (), ("going on",))


def test_it_is_killed_with_us(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program.write_text(f"#!/bin/sh\necho $$ >{program.parent}/pid\necho begun\nexec sleep 600\n")

    def stop(_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(rpm_ostree._Copied, "read", stop)
    with pytest.raises(KeyboardInterrupt):
        rpm_ostree.run([])
    with pytest.raises(ProcessLookupError):
        os.kill(int((program.parent / "pid").read_text()), 0)


@pytest.mark.parametrize(
    ("recording", "words"),
    [
        (
            "postprocess-fails",
            "error: Installing packages: bwrap(/usr/bin/rpmostree-postprocess-inline-0): Child process "
            "killed by signal 3",
        ),
        ("no-repo-arg", "error: usage error: --repo must be specified"),
        ("yaml-unknown-key", "error: Parsing /srv/dev/e/unknown.yaml: Unknown fields: no-such-key"),
    ],
)
def test_the_reason_is_what_the_real_one_said(recording: str, words: str) -> None:
    recorded = recorded_compose(recording)
    ended = Ended(recorded.code, tuple(recorded.stdout), tuple(recorded.stderr))
    assert failure(ended, False) == f"rpm-ostree ended with exit status 1: {words}"


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ((), "it gave no reason"),
        (("rpm-ostree version: 2025.1", ""), "it gave no reason"),
        (("rpm-ostree version: 2025.1", "bwrap: no", " "), "bwrap: no"),
        (("error: first", "warning: x", "error: Could not depsolve", "  Problem 1: y", ""),
         "error: Could not depsolve Problem 1: y"),
        (("error: a\x1b[31m\x00b",), "error: a?[31m?b"),
        (("error: " + "x" * 5000,), "error: " + "x" * 993),
    ],
)  # fmt: skip
def test_the_reason_is_one_line(errors: tuple[str, ...], words: str) -> None:
    assert failure(Ended(1, (), errors), False) == f"rpm-ostree ended with exit status 1: {words}"


@pytest.mark.parametrize(
    ("status", "out_of_memory", "words"),
    [
        (-9, False, "SIGKILL"),
        (-9, True, "SIGKILL: this server has too little memory for it (journalctl -k)"),
        (-15, True, "SIGTERM"),
        (-6, False, "SIGABRT: assertion failed: (x != 0)"),
        (-40, False, "signal 40: assertion failed: (x != 0)"),
    ],
)
def test_a_signal_is_named(status: int, out_of_memory: bool, words: str) -> None:
    ended = Ended(status, (), ("warning: y", "assertion failed: (x != 0)"))
    assert failure(ended, out_of_memory) == f"rpm-ostree was killed by {words}"


def test_the_kernel_counts_whom_it_killed_for_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    own = next((line.partition("::")[2] for line in lines if line.startswith("0::")), None)
    if own is None:
        pytest.skip("no control groups of version 2 here")
    folder = tmp_path / own.lstrip("/")
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(rpm_ostree, "_CGROUPS", tmp_path)
    assert rpm_ostree.out_of_memory() is False
    for count, killed in ((0, False), (1, True)):
        (folder / "memory.events").write_text(f"low 0\noom 3\noom_kill {count}\noom_group_kill 0\n")
        assert rpm_ostree.out_of_memory() is killed


@pytest.mark.parametrize(
    ("ended", "said", "words"),
    [
        ({"Result": "signal", "ExecMainStatus": "9"}, "Job failed.", "killed by SIGKILL"),
        ({"Result": "core-dump", "ExecMainStatus": "11"}, "", "killed by SIGSEGV"),
        (
            {"Result": "oom-kill", "ExecMainStatus": "9"},
            "",
            "the kernel killed it: this server has too little",
        ),
        ({"Result": "timeout"}, "", "it took longer than its unit allows (TimeoutStartSec, RuntimeMaxSec)"),
        ({"Result": "exit-code"}, "Job for x failed.", "Job for x failed."),
        ({}, "", "nothing said"),
    ],
)
def test_how_a_unit_ended_that_left_no_result(ended: dict[str, str], said: str, words: str) -> None:
    assert how(ended, said).startswith(words)
    assert bool(late(ended)) == (ended.get("Result") == "timeout")
