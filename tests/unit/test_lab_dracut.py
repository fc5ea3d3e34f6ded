"""The lab's dracut: called as rpm-ostree calls it, it packs what a tree has, as the gates find it."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.packages import builder
from ostree_release.images import initramfs

PROGRAM = Path(builder.__file__).parent / "files/dracut"
KERNEL = "6.18.0-1.lab.x86_64"
DRIVERS = f"usr/lib/modules/{KERNEL}/kernel"
TREE = (
    "usr/lib/systemd/systemd",
    "usr/lib/systemd/system/ostree-prepare-root.service",
    "usr/lib/ostree/ostree-prepare-root",
    "usr/sbin/btrfs",
    "usr/sbin/cryptsetup",
    "usr/bin/lvm",
    f"{DRIVERS}/fs/btrfs/btrfs.ko.xz",
    f"{DRIVERS}/drivers/md/dm-crypt.ko.zst",
)
# rpmostree_run_dracut of rpm-ostree.
CALL = (
    "--reproducible",
    "--gzip",
    "-v",
    "--add",
    "ostree",
    "--tmpdir=/tmp/dracut",
    "-f",
    "OUT",
    "--no-hostonly",
)

Made = Callable[..., frozenset[str]]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Return what runs it on a tree, without some files or with some configuration, and reads the result."""

    def run(*without: str, configuration: str = "", more: tuple[str, ...] = ()) -> frozenset[str]:
        root = tmp_path / "root"
        for name in TREE:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name not in without:
                path.write_text(name)
        folder = root / "usr/lib/dracut/dracut.conf.d"
        folder.mkdir(parents=True)
        (folder / "90-test.conf").write_text(configuration)
        program: dict[str, Any] = runpy.run_path(str(PROGRAM))
        monkeypatch.setitem(program["main"].__globals__, "ROOT", root)
        output = tmp_path / "initramfs.img"
        program["main"]([*(word.replace("OUT", str(output)) for word in CALL), "--kver", KERNEL, *more])
        return initramfs.files([output.read_bytes()])

    return run


def test_it_packs_what_the_tree_has(made: Made) -> None:
    assert made() == {*TREE, "init", "usr/lib/dracut/modules.txt"}


@pytest.mark.parametrize(
    ("program", "driver"),
    [
        ("usr/sbin/btrfs", f"{DRIVERS}/fs/btrfs/btrfs.ko.xz"),
        ("usr/sbin/cryptsetup", f"{DRIVERS}/drivers/md/dm-crypt.ko.zst"),
    ],
)
def test_a_module_whose_program_is_missing_is_left_out(
    made: Made, capsys: pytest.CaptureFixture[str], program: str, driver: str
) -> None:
    assert not made(program) & {program, driver}
    assert f"because command '{Path(program).name}' could not be found!" in capsys.readouterr().out


def test_a_module_can_be_omitted(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    found = made(configuration='omit_dracutmodules+=" ostree "\n', more=("--omit", "lvm"))
    assert not found & {"usr/lib/ostree/ostree-prepare-root", "usr/bin/lvm"}
    assert capsys.readouterr().out.count("because it's in the list to be omitted!") == 2


def test_rpm_ostree_can_ask_what_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(PROGRAM))["main"](["--help"])
    assert "--reproducible" in capsys.readouterr().out
