"""Reading an initramfs: as the kernel unpacks it, and one clear sentence for whatever is none."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostree_release.images import initramfs
from ostree_release.images.initramfs import UnknownCompressionError, UnreadableError
from tests.cpio import archive as cpio
from tests.zstd import packed as zstd

OSTREE = "usr/lib/ostree/ostree-prepare-root"
MICROCODE = {"kernel/x86/microcode/GenuineIntel.bin": b"microcode" * 7}
MAIN = {OSTREE: b"ELF", "lib/modules/6.1/kernel/fs/btrfs/btrfs.ko.xz": b"x" * 5, "./init": b""}
FOUND = {OSTREE, "usr/lib/modules/6.1/kernel/fs/btrfs/btrfs.ko.xz", "init"}


def old_lzma(content: bytes) -> bytes:
    return lzma.compress(content, lzma.FORMAT_ALONE)


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "lzma": old_lzma,
    "xz": lzma.compress,
    "xz for the kernel": lambda content: lzma.compress(content, check=lzma.CHECK_CRC32),
    "zstd": zstd,
}


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    yield from (content[at : at + size] for at in range(0, len(content), size))


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_it_is_found_however_it_is_packed(packer: str, size: int) -> None:
    content = PACKERS[packer](cpio(MAIN))
    assert initramfs.files(pieces(content, size)) == FOUND


@pytest.mark.parametrize("packer", PACKERS)
def test_it_is_found_behind_microcode_and_before_another_archive(packer: str) -> None:
    pack = PACKERS[packer]
    content = (
        cpio(MICROCODE) + pack(cpio(MAIN)) + b"\0" * 9 + pack(cpio({"late": b""}) + cpio({"later": b""}))
    )
    assert initramfs.files([content]) == {*FOUND, *MICROCODE, "late", "later"}


def test_an_archive_that_a_program_made() -> None:
    if not shutil.which("cpio"):
        pytest.skip("no cpio here")
    made = subprocess.run(
        ["cpio", "--quiet", "-o", "-H", "newc", "-D", "/"],
        input=b"etc\netc/passwd\n",
        capture_output=True,
        check=True,
    )
    assert initramfs.files([made.stdout]) == {"etc/passwd"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"\0" * 5000, "it is empty"),
        (b"lab initramfs 6.18\n", "it has b'lab in' where a cpio archive or a compressed one has to begin"),
        (b"0707", "it has b'0707' where"),
        (b"070707" + b"0" * 200, "it has b'070707' where"),
        (b"070701" + b"x" * 200, "an entry of a cpio archive has no header"),
        (b"070701" + b"0" * 104, "has a name of 0 bytes"),
        (b"070701" + b"0" * 88 + b"FFFFFFFF" + b"0" * 8, "has a name of 4294967295 bytes"),
        (cpio(MAIN) + b"junk and more", "it has b'junk a' where"),
        (gzip.compress(b"no archive"), "what was unpacked goes on with b'no arc', which begins no cpio"),
        (gzip.compress(cpio(MAIN) + gzip.compress(cpio(MAIN))), "what was unpacked goes on with"),
        (gzip.compress(cpio(MAIN))[:-9], "it ends too early"),
        (gzip.compress(cpio(MAIN))[:-8] + b"\0" * 8, "it cannot be unpacked: "),
        (lzma.compress(cpio(MAIN))[:40] + b"\xff" * 99, "it cannot be unpacked: "),
        (b"BZh9" + b"x" * 99, "it cannot be unpacked: "),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 99, "it cannot be unpacked: "),
    ],
)
def test_what_is_none_is_said_plainly(content: bytes, said: str) -> None:
    with pytest.raises(UnreadableError) as raised:
        initramfs.files([content])
    assert said in str(raised.value)


@pytest.mark.parametrize(("magic", "name"), [(b"\x02\x21\x4c\x18", "lz4"), (b"\x89LZO\0\r", "lzo")])
def test_a_compression_that_is_not_read_here_is_named(magic: bytes, name: str) -> None:
    with pytest.raises(UnknownCompressionError) as raised:
        initramfs.files([cpio(MICROCODE), magic, b"x" * 99])
    assert str(raised.value) == name


def test_a_zstd_library_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ostree_release.zstd._LIBRARY", "libno.so.1")
    with pytest.raises(UnknownCompressionError, match=r"zstd, whose library is not there: libno\.so\.1"):
        initramfs.files([b"\x28\xb5\x2f\xfd" + b"x" * 99])


@pytest.mark.parametrize("packer", ["gzip", "xz", "zstd", "bzip2"])
def test_a_bomb_is_given_up(packer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initramfs, "_UNPACKED", 2 << 20)
    bomb = PACKERS[packer](cpio({"bomb": b"\0" * (4 << 20)}))
    assert len(bomb) < 1 << 14
    with pytest.raises(UnreadableError, match="more than 2 MiB when unpacked"):
        initramfs.files([bomb])


def test_many_small_bombs_are_one_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initramfs, "_UNPACKED", 2 << 20)
    bomb = gzip.compress(cpio({"bomb": b"\0" * (1 << 20)}))
    with pytest.raises(UnreadableError, match="more than 2 MiB when unpacked"):
        initramfs.files([bomb * 3])


def test_too_many_entries_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initramfs, "_ENTRIES", 3)
    with pytest.raises(UnreadableError, match="more than 3 entries"):
        initramfs.files([gzip.compress(cpio({str(number): b"" for number in range(9)}))])


CUT = {packer: cpio(MICROCODE) + pack(cpio(MAIN, 4)) for packer, pack in PACKERS.items() if packer != "zstd"}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(CUT)), st.data())
def test_whatever_is_cut_off_is_found_out(packer: str, data: st.DataObject) -> None:
    whole = CUT[packer]
    # Behind the microcode alone it is an archive like any other, and the zeros at the end may go.
    after = len(cpio(MICROCODE))
    end = data.draw(st.integers(after + 1, len(whole.rstrip(b"\0")) - 1))
    with pytest.raises(UnreadableError):
        initramfs.files(pieces(whole[:end], data.draw(st.integers(1, 99))))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(CUT)), st.data())
def test_whatever_is_changed_raises_nothing_else(packer: str, data: st.DataObject) -> None:
    content = bytearray(CUT[packer])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    # No other exception than these two, whose text fits on a line.
    said = "whole"
    try:
        initramfs.files([bytes(content)])
    except (UnreadableError, UnknownCompressionError) as error:
        said = str(error)
    assert len(said.splitlines()) == 1
