"""The boot program's choices, on a sysroot in a temporary folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.boot.lab_boot import BootError, Memory, choose, read_entries

NEW, OLD = f"{'b' * 64}.0", f"{'a' * 64}.0"


def add_entry(sysroot: Path, number: int, version: int, deployment: str) -> None:
    """An entry and its deployment, as libostree writes them."""
    (sysroot / f"ostree/deploy/lab/deploy/{deployment}").mkdir(parents=True)
    link = sysroot / f"ostree/boot.1/lab/{number}/0"
    link.parent.mkdir(parents=True)
    link.symlink_to(f"../../../deploy/lab/deploy/{deployment}")
    entries = sysroot / "boot/loader.1/entries"
    entries.mkdir(parents=True, exist_ok=True)
    loader = sysroot / "boot/loader"
    if not loader.is_symlink():
        loader.symlink_to("loader.1")
    (entries / f"ostree-{version}.conf").write_text(
        f"title Lab {version}\nversion {version}\n"
        f"options root=LABEL=lab quiet ostree=/ostree/boot.1/lab/{number}/0\n"
        "linux /ostree/lab/vmlinuz\ninitrd /ostree/lab/initramfs.img\n"
    )


@pytest.fixture
def sysroot(tmp_path: Path) -> Path:
    add_entry(tmp_path, 0, 2, NEW)
    add_entry(tmp_path, 1, 1, OLD)
    return tmp_path


@pytest.fixture
def memory(sysroot: Path) -> Memory:
    return Memory(sysroot / "boot/lab")


def boot(sysroot: Path, memory: Memory, limit: int = 2) -> str:
    return choose(read_entries(sysroot), memory, limit).entry.identity


def mark_good(memory: Memory, identity: str) -> None:
    (memory.folder / "good" / identity).touch()


def test_reads_entries_highest_version_first(sysroot: Path) -> None:
    add_entry(sysroot, 2, 10, f"{'c' * 64}.0")
    assert [entry.version for entry in read_entries(sysroot)] == [10, 2, 1]
    newest = read_entries(sysroot)[0]
    assert newest.title == "Lab 10"
    assert newest.linux == "/ostree/lab/vmlinuz"
    assert newest.options.startswith("root=LABEL=lab quiet ostree=")


def test_leaves_out_an_entry_whose_deployment_is_gone(sysroot: Path) -> None:
    (sysroot / f"ostree/deploy/lab/deploy/{NEW}").rmdir()
    assert [entry.identity for entry in read_entries(sysroot)] == [OLD]


def test_counts_tries_and_falls_back_after_the_last(sysroot: Path, memory: Memory) -> None:
    mark_good(memory, OLD)
    assert [boot(sysroot, memory) for _ in range(3)] == [NEW, NEW, OLD]
    assert choose(read_entries(sysroot), memory, 2).given_up == (NEW,)


def test_a_good_deployment_is_booted_without_end(sysroot: Path, memory: Memory) -> None:
    boot(sysroot, memory)
    mark_good(memory, NEW)
    assert {boot(sysroot, memory) for _ in range(5)} == {NEW}
    assert memory.tries(NEW) == 1


def test_with_nothing_left_to_try_the_first_is_tried_again(sysroot: Path, memory: Memory) -> None:
    assert [boot(sysroot, memory, limit=1) for _ in range(3)] == [NEW, OLD, NEW]


def test_boots_the_entry_asked_for_once(sysroot: Path, memory: Memory) -> None:
    mark_good(memory, NEW)
    (memory.folder / "next").write_text("1\n")
    assert [boot(sysroot, memory) for _ in range(2)] == [OLD, NEW]


def test_a_deployment_that_went_and_came_back_starts_anew(sysroot: Path, memory: Memory) -> None:
    for _ in range(2):
        boot(sysroot, memory)
    entry = sysroot / "boot/loader/entries/ostree-2.conf"
    kept = entry.read_text()
    entry.unlink()
    assert boot(sysroot, memory) == OLD
    entry.write_text(kept)
    assert boot(sysroot, memory) == NEW


def test_says_what_it_does_in_the_log_on_the_disk(sysroot: Path, memory: Memory) -> None:
    for _ in range(3):
        boot(sysroot, memory)
    log = (memory.folder / "log").read_text()
    assert f"{NEW}: try 1 of 2\n" in log
    assert f"{NEW}: failed 2 times, falling back\n" in log


def test_the_power_off_mark_is_taken_once(memory: Memory) -> None:
    (memory.folder / "power-off").touch()
    assert [memory.take_power_off() for _ in range(2)] == [True, False]


def test_a_disk_without_a_system_cannot_be_booted(tmp_path: Path) -> None:
    with pytest.raises(BootError, match="no boot loader entry"):
        choose(read_entries(tmp_path), Memory(tmp_path / "boot/lab"), 2)
