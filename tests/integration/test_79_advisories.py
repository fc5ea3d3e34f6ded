"""A known fault: an image without the fix is refused by name, one with it passes; changelog and SBOM tell the truth."""

from __future__ import annotations

import json

from tests.integration.driver import Lab

STATION = "released"

BASE = "/srv/ostree/rpm-ostree"
TREEFILES = "/etc/rpm-ostree/treefiles"
ADVISORY = ("--advisory", "LAB-2026-79", "--severity", "critical", "--cve", "CVE-2026-0079")
QUERY = "rpm --dbpath /root/tree/rpm -qa --qf '%{NAME}\\t%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{EPOCHNUM}\\n'"


def test_an_image_that_lacks_a_fix_is_refused_by_name_and_one_with_it_passes(lab: Lab) -> None:
    lab.command("publish", "hello", "62.0")
    lab.command("publish", "hello", "62.1", *ADVISORY)
    local = f"{TREEFILES}/kinoite-dev.local.yaml"
    lab.server(
        f'sed \'s/\\bhello$/hello-62.0/; s/"hello"/"hello-62.0"/\' {TREEFILES}/kinoite-dev.yaml > {local}'
    )
    try:
        lab.pyinfra("tasks/compose.py", "-y")
    finally:
        lab.server(f"rm {local}")
    held_back = lab.newest_build()
    before = lab.ring("pilot")
    result = lab.pyinfra("promote.py", "-y", check=False)
    assert result.code != 0
    assert "lacks LAB-2026-79 (critical, CVE-2026-0079): hello 62.0-1.lab -> 62.1-1.lab" in result.text
    assert "Traceback" not in result.text
    assert lab.ring("pilot") == before

    lab.pyinfra("tasks/compose.py", "-y")
    fixed = lab.newest_build()
    assert fixed["version"] != held_back["version"]
    lab.pyinfra("promote.py", "-y", "--data", "reason=the <fix>")
    found = lab.tip("pilot")
    assert found["version"] == fixed["version"]

    newest = lab.ask("changelog", "--ring=pilot")["releases"][0]
    assert newest["version"] == fixed["version"]
    assert [(each["id"], each["cves"]) for each in newest["advisories"]] == [
        ("LAB-2026-79", ["CVE-2026-0079"])
    ]
    assert [each["new"] for each in newest["packages"]["upgraded"] if each["name"] == "hello"] == [
        "62.1-1.lab"
    ]
    assert [(each["ring"], each["reason"]) for each in newest["rings"]] == [("pilot", "the <fix>")]


def test_the_changelog_on_the_laptop_is_the_servers(lab: Lab) -> None:
    version = lab.tip("stable")["version"]
    for form in ("text", "markdown", "json"):
        here = lab.pyinfra("tasks/changelog.py", "-y", "--data", f"format={form}").out
        there = lab.server(f"ostree-release changelog --format={form}").out
        assert here == there
        assert version in here
    only = lab.pyinfra("tasks/changelog.py", "-y", "--data", f"version={version}", "--data", "format=json")
    assert [each["version"] for each in json.loads(only.out)["releases"]] == [version]


def test_the_bill_of_materials_has_what_rpm_finds_in_the_tree(lab: Lab) -> None:
    current = lab.tip("pilot")
    tree = f"ostree --repo={BASE}/prod checkout --user-mode --subpath=/usr/share/rpm {current['checksum']} /root/tree/rpm"
    listed = lab.server(f"rm -rf /root/tree; mkdir /root/tree; {tree}; {QUERY}; rm -rf /root/tree").out
    installed = {tuple(line.split("\t")) for line in listed.splitlines()}
    path = f"/var/lib/ostree-release/sbom/prod/{current['version']}.spdx.json"
    file = lab.server(f"cat {path}").out
    assert lab.server("ostree-release sbom pilot").out == file
    image, *packages = json.loads(file)["packages"]
    assert image["checksums"][0]["checksumValue"] == current["checksum"]
    urls = {each["externalRefs"][0]["referenceLocator"] for each in packages}
    expected = {
        f"pkg:rpm/fedora/{name}@{version}?arch={arch}" + (f"&epoch={epoch}" if epoch != "0" else "")
        for name, version, arch, epoch in installed
    }
    assert urls == expected
