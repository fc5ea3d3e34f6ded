"""Variants of the lab's packages as specs, and the updateinfo that announces them."""

from __future__ import annotations

from pathlib import Path

from lab.packages import updateinfo
from lab.packages.variants import Variant, spec
from ostree_release.composing import updateinfo as reading

SPECS = Path(updateinfo.__file__).parent / "specs"


def test_without_a_variant_a_spec_stays_as_it_is() -> None:
    paths = list(SPECS.glob("*.spec"))
    assert paths
    for path in paths:
        assert spec(path.stem, path.read_text(), Variant()) == path.read_text()


def test_every_variant_stands_in_its_section() -> None:
    lines = spec("tool", None, Variant(True, True, "Other Inc", ("tool", 981))).splitlines()
    tags, files = lines[: lines.index("%description")], lines[lines.index("%files") + 1 :]
    script = lines[lines.index("%pre") : lines.index("%files")]
    assert "Vendor: Other Inc" in tags
    assert [line for line in files if line.startswith("%attr(4755,root,root) /usr/bin/tool-setuid")]
    assert [line for line in files if "%caps(cap_net_raw=ep) /usr/bin/tool-capable" in line]
    assert [line for line in script if "groupadd --system --gid 981 tool" in line]
    assert [line for line in script if "useradd --system --uid 981 --gid tool" in line]


def test_a_user_may_have_any_number_or_be_in_sysusers_only_and_own_a_file() -> None:
    dynamic = spec("svc", None, Variant(user=("svc-user", None), owns=True)).splitlines()
    assert not [line for line in dynamic if "--uid" in line or "--gid 9" in line]
    assert "%attr(0640,svc-user,svc-user) /usr/lib/svc/data" in dynamic
    declared = spec("svc", None, Variant(sysusers="svc-user", owns=True)).splitlines()
    assert "%pre" not in declared
    assert [line for line in declared if line.startswith("echo 'u svc-user - ")]
    assert "/usr/lib/sysusers.d/svc.conf" in declared[declared.index("%files") :]
    assert "%attr(0640,svc-user,svc-user) /usr/lib/svc/data" in declared


def test_what_is_announced_is_read(tmp_path: Path) -> None:
    announced = {
        "id": "LAB-2026-1",
        "severity": "critical",
        "cves": ["CVE-2026-1"],
        "name": "hello",
        "version": "62.1",
        "issued": "2026-01-01 00:00:00",
    }
    path = tmp_path / "updateinfo.xml"
    path.write_bytes(
        updateinfo.document([announced], ["hello-62.1-1.lab.noarch.rpm", "hello-62.10-1.lab.noarch.rpm"])
    )
    (found,) = reading.read(path)
    assert (found.id, found.severity) == ("LAB-2026-1", "critical")
    assert [(p.name, p.version, p.release, p.arch) for p in found.packages] == [
        ("hello", "62.1", "1.lab", "noarch")
    ]
