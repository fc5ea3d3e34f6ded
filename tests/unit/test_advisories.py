"""Updateinfo files in every packing, broken and hostile ones, and what an image fixes or lacks."""

from __future__ import annotations

import bz2
import ctypes
import gzip
import hashlib
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from ostree_release import zstd
from ostree_release.composing import repomd, updateinfo, zchunk
from ostree_release.errors import Refused
from ostree_release.images.advisories import Advisory, fixed, lacking
from ostree_release.model import Package
from tests.zstd import packed as zstd_packed

XML = """<?xml version="1.0" encoding="UTF-8"?>
<updates>
  <update from="updates@fedoraproject.org" status="stable" type="security" version="2.0">
    <id>FEDORA-2026-abc</id>
    <title>hello-62.1-1.fc44</title>
    <issued date="2026-11-02 03:04:05"/>
    <severity>Critical</severity>
    <description>Says too much &amp; more</description>
    <references>
      <reference href="https://bugzilla/1" id="1" title="CVE-2026-1234 hello: overflow" type="bugzilla"/>
      <reference href="https://bugzilla/2" id="CVE-2026-0999" title="" type="cve"/>
    </references>
    <pkglist><collection short="F44"><name>Fedora 44</name>
      <package name="hello" version="62.1" release="1.fc44" epoch="0" arch="x86_64" src="h.src.rpm">
        <filename>hello-62.1-1.fc44.x86_64.rpm</filename></package>
      <package name="hello-data" version="62.1" release="1.fc44" arch="noarch"/>
    </collection></pkglist>
  </update>
  <update type="bugfix"><id>FEDORA-2026-bug</id><severity>Low</severity>
    <pkglist><collection><package name="other" version="1" release="1" arch="noarch"/></collection></pkglist>
  </update>
  <update type="security"><id>FEDORA-2026-abc</id><severity>Critical</severity>
    <pkglist><collection><package name="hello" version="62.1" release="1.fc44" arch="i686"/>
    </collection></pkglist>
  </update>
  <update type="security"><id>FEDORA-2026-def</id><title>odd\x7f</title><severity>Weird</severity></update>
</updates>
"""
ROOT = Path(__file__).resolve().parents[2]
# XML, packed by `zck -s '<update' -D DICTIONARY` of zchunk 1.2.3; the dictionary was its first 600 bytes.
ZCHUNK = ROOT / "tests/recorded/updateinfo.zck"
HELLO = Package("hello", "0", "62.1", "1.fc44", "x86_64")


def zchunked(content: bytes) -> bytes:
    assert content == XML.encode(), "another one was recorded"
    try:
        ctypes.CDLL("libzck.so.1")
    except OSError:
        pytest.skip("no libzck here to unpack with")
    return ZCHUNK.read_bytes()


PACK: dict[str, Callable[[bytes], bytes]] = {
    ".xml": bytes,
    ".bz2": bz2.compress,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zck": zchunked,
    ".zst": zstd_packed,
}


def written(folder: Path, content: bytes, suffix: str = ".xml") -> Path:
    path = folder / f"0123-updateinfo{'' if suffix == '.xml' else '.xml'}{suffix}"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("suffix", PACK)
def test_every_packing_says_the_same(tmp_path: Path, suffix: str) -> None:
    first, second = updateinfo.read(written(tmp_path, PACK[suffix](XML.encode()), suffix))
    assert (first.id, first.severity, first.title) == ("FEDORA-2026-abc", "critical", "hello-62.1-1.fc44")
    assert first.cves == ("CVE-2026-0999", "CVE-2026-1234")
    assert [(p.name, p.epoch, p.arch) for p in first.packages] == [
        ("hello", "0", "x86_64"),
        ("hello-data", "0", "noarch"),
        ("hello", "0", "i686"),
    ]
    assert (second.id, second.severity, second.title) == ("FEDORA-2026-def", "unknown", "odd?")
    assert Advisory.of(first.as_json()) == first


BOMB = b"""<!DOCTYPE updates [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>
<updates><update type="security"><id>&b;</id></update></updates>"""
SECURITY = '<updates><update type="security"><id>{id}</id>{rest}</update></updates>'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<updates><update>", "broken XML: no element found: line 1, column 17"),
        (b"", "broken XML: no element found"),
        (b"\x00\xff", "broken XML"),
        (BOMB, "declares a document type"),
        (b"<!DOCTYPE updates SYSTEM 'file:///etc/passwd'><updates/>", "declares a document type"),
        (b"<updates>&undefined;</updates>", "broken XML: undefined entity"),
        (b"<html><body/></html>", "not an updateinfo: begins with <'html'>"),
        (SECURITY.format(id="a b", rest="").encode(), "line 1: an update with id 'a b'"),
        (
            SECURITY.format(
                id="A-1", rest='<package name="x;y" version="1" release="1" arch="noarch"/>'
            ).encode(),
            "line 1: a package with name 'x;y'",
        ),
        (
            SECURITY.format(
                id="A-1", rest='<package name="x" version="1" release="1" arch="a" epoch="x"/>'
            ).encode(),
            "a package with epoch 'x'",
        ),
    ],
)
def test_a_broken_file_is_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(Refused) as refusal:
        updateinfo.read(written(tmp_path, content))
    assert len(refusal.value.lines) == 1
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("suffix", [suffix for suffix in PACK if suffix != ".xml"])
def test_a_truncated_or_wrongly_named_file_is_one_line(tmp_path: Path, suffix: str) -> None:
    packed = PACK[suffix](XML.encode())
    for content in (*(packed[:length] for length in range(0, len(packed), 50)), b"not packed at all"):
        with pytest.raises(Refused) as refusal:
            updateinfo.read(written(tmp_path, content, suffix))
        assert len(str(refusal.value).splitlines()) == 1
    with pytest.raises(Refused, match=r"not known \(\.lz4\)"):
        updateinfo.read(written(tmp_path, b"", ".lz4"))


@pytest.mark.parametrize(("module", "suffix"), [(zchunk, ".zck"), (zstd, ".zst")])
def test_without_its_library_it_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, suffix: str
) -> None:
    monkeypatch.setattr(module, "_LIBRARY", "libmissing.so.1")
    with pytest.raises(Refused, match=r"libmissing\.so\.1: cannot open shared object file"):
        updateinfo.read(written(tmp_path, b"any", suffix))


def test_a_chunk_that_takes_too_much_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zchunk, "_LARGEST", 100)
    with pytest.raises(Refused, match="a chunk of more than 0 MiB when unpacked"):
        updateinfo.read(written(tmp_path, zchunked(XML.encode()), ".zck"))


def test_a_zchunk_with_a_byte_changed_says_the_same_or_is_one_line(tmp_path: Path) -> None:
    packed = zchunked(XML.encode())
    whole = updateinfo.read(written(tmp_path, packed, ".zck"))
    for place in (*range(60), *range(60, len(packed), 20)):  # each of the header's, and some of the rest
        changed = bytearray(packed)
        changed[place] ^= 0xFF
        try:
            found = updateinfo.read(written(tmp_path, bytes(changed), ".zck"))
        except Refused as refusal:
            found = whole if len(str(refusal).splitlines()) == 1 else []
        assert found == whole, place


DATA = '<data type="{type}"><checksum type="{kind}">{value}</checksum><location href="{href}"/></data>'


def index(folder: Path, *records: str) -> Path:
    """Write a repository's index; returns the repository."""
    (folder / "repodata").mkdir(exist_ok=True)
    (folder / "repodata/repomd.xml").write_text(
        f'<repomd xmlns="http://linux.duke.edu/metadata/repo">{"".join(records)}</repomd>'
    )
    return folder


def record(path: str = "repodata/u.xml", **changed: str) -> str:
    value = hashlib.sha256(XML.encode()).hexdigest()
    return DATA.format(**{"type": "updateinfo", "kind": "sha256", "value": value, "href": path, **changed})


@pytest.mark.parametrize(
    ("records", "there", "found"),
    [
        ((), ["u.xml"], None),
        ((record(type="primary"),), ["u.xml"], None),
        ((record(),), ["u.xml"], "u.xml"),
        ((record("repodata/u.zck", type="updateinfo_zck"), record()), ["u.xml", "u.zck"], "u.xml"),
        ((record("repodata/u.zck", type="updateinfo_zck"), record()), ["u.zck"], "u.zck"),
        ((record("repodata/u.zck", type="updateinfo_zck"),), ["u.zck"], "u.zck"),
    ],
)
def test_the_index_names_the_updateinfo(
    tmp_path: Path, records: tuple[str, ...], there: list[str], found: str | None
) -> None:
    index(tmp_path, *records)
    for name in there:
        (tmp_path / "repodata" / name).touch()
    listed = repomd.updateinfo(tmp_path)
    assert (listed and listed.path.name) == found


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ((record(),), "u.xml: listed in repomd.xml, and not there"),
        (
            (record("../../etc/passwd"),),
            "updateinfo at '../../etc/passwd', which is no place in a repository",
        ),
        ((record("/etc/passwd"),), "updateinfo at '/etc/passwd', which is no place"),
        ((record(""),), "updateinfo at '.', which is no place"),
        ((record(kind="crc"),), "updateinfo with a checksum of kind 'crc', which is not known"),
        (('<data type="updateinfo"/>',), "which is no place in a repository"),
        (("<broken>",), "broken XML: mismatched tag"),
    ],
)
def test_an_index_that_cannot_be_used_is_one_line(
    tmp_path: Path, records: tuple[str, ...], words: str
) -> None:
    with pytest.raises(Refused) as refusal:
        repomd.updateinfo(index(tmp_path, *records))
    assert words in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1


def test_an_index_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = index(tmp_path) / "repodata/repomd.xml"
    for content, words in (
        (BOMB, "declares a document type"),
        (b"<updates/>", "not an index: begins with <'updates'>"),
        (b"", "broken XML: no element found"),
        (b"\xff\0", "broken XML"),
    ):
        path.write_bytes(content)
        with pytest.raises(Refused, match=words):
            repomd.updateinfo(tmp_path)
    monkeypatch.setattr(repomd, "_LIMIT", 3)
    path.write_bytes(b"<repomd/>")
    with pytest.raises(Refused, match="larger than 0 MiB"):
        repomd.updateinfo(tmp_path)
    path.unlink()
    with pytest.raises(Refused, match=r"repomd\.xml: No such file or directory"):
        repomd.updateinfo(tmp_path)


@pytest.mark.parametrize(("kind", "name"), [("sha256", "sha256"), ("sha", "sha1"), ("sha512", "sha512")])
def test_a_file_must_have_the_checksum_of_the_index(tmp_path: Path, kind: str, name: str) -> None:
    content = XML.encode()
    path = index(tmp_path, record(kind=kind, value=hashlib.new(name, content).hexdigest())) / "repodata/u.xml"
    path.write_bytes(content)
    listed = repomd.updateinfo(tmp_path)
    assert listed is not None
    assert updateinfo.read(listed.path, listed.checksum) == updateinfo.read(path)
    path.write_bytes(content + b"\n")
    with pytest.raises(Refused, match=rf"u\.xml: damaged: its {name} is not the one that repomd\.xml has"):
        updateinfo.read(listed.path, listed.checksum)


def test_what_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updateinfo, "_LIMIT", 1 << 20)
    content = b"<updates>" + b" " * (2 << 20) + b"</updates>"
    with pytest.raises(Refused, match="more than 1 MiB when unpacked"):
        updateinfo.read(written(tmp_path, gzip.compress(content), ".gz"))


def test_zstd_in_blocks_of_any_size() -> None:
    content = bytes(range(256)) * 5000
    packed = zstd_packed(content) + zstd_packed(b"second frame")
    for size in (1, 1000, len(packed)):
        blocks = (packed[start : start + size] for start in range(0, len(packed), size))
        assert b"".join(zstd.unpacked(blocks)) == content + b"second frame"


def advisory(identifier: str, *packages: Package, severity: str = "critical") -> Advisory:
    return Advisory(identifier, severity, "", "", (), packages)


def package(evr: str, name: str = "hello", arch: str = "x86_64") -> Package:
    epoch, _, rest = evr.rpartition(":")
    version, release = rest.split("-")
    return Package(name, epoch or "0", version, release, arch)


@pytest.mark.parametrize(
    ("installed", "lacks"),
    [
        ("62.0-1", True),
        ("62.1-1", False),
        ("62.1-2", False),
        ("62.1~rc1-1", True),
        ("62.1^20260101-1", False),
        ("1:1.0-1", False),
        ("62.9-1", False),
        ("9.0-1", True),
    ],
)
def test_older_is_as_rpm_orders(installed: str, lacks: bool) -> None:
    found = lacking([advisory("A-1", package("62.1-1"))], [package(installed)])
    assert bool(found) == lacks


def test_architectures() -> None:
    fix = advisory("A-1", package("2-1"), package("2-1", arch="i686"))
    assert not lacking([fix], [package("1-1", arch="aarch64")])
    assert len(lacking([fix], [package("1-1"), package("1-1", arch="i686")])) == 1, "one for each name"
    assert lacking([fix], [package("1-1", arch="noarch")]), "it was noarch before"
    assert lacking([advisory("A-1", package("2-1", arch="noarch"))], [package("1-1")])


def test_the_worst_comes_first() -> None:
    found = lacking(
        [
            advisory("A-1", package("2-1"), severity="low"),
            advisory("A-2", package("3-1"), severity="unknown"),
            advisory("A-3", package("3-1")),
        ],
        [package("1-1")],
    )
    assert [gap.advisory.id for gap in found] == ["A-3", "A-1", "A-2"]


def test_what_an_update_fixes() -> None:
    first, second = advisory("A-1", package("2-1")), advisory("A-2", package("3-1"))
    other = advisory("A-3", package("2-1", "other"))
    everything = [first, second, other]
    assert fixed(everything, [package("1-1")], [package("2-1")]) == [first]
    assert fixed(everything, [package("1-1")], [package("3-1")]) == [first, second]
    assert fixed(everything, [package("3-1")], [package("3-1")]) == []
    removed = fixed(everything, [package("1-1", "other")], [package("3-1")])
    assert removed == [], "what was removed was not fixed"
    both = advisory("A-4", package("2-1"), package("2-1", "other"))
    half = fixed([both], [package("1-1"), package("1-1", "other")], [package("2-1"), package("1-1", "other")])
    assert half == [], "half of it is not there"
