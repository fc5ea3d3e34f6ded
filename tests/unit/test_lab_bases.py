"""Which base a lab has, and when its image is built anew."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from lab import bases, server
from tasks.server import platforms


@pytest.mark.parametrize(
    ("environment", "name", "real"),
    [
        ({"LAB_BASE": "debian"}, "debian", False),
        ({"LAB_BASE": "fedora", "CI": "true"}, "fedora", True),
        ({"LAB_BASE": "example.org/silverblue:44"}, "example.org/silverblue:44", True),
        ({}, "debian", False),
    ],
)
def test_what_is_asked_for_is_taken_and_debian_otherwise(
    environment: dict[str, str], name: str, real: bool
) -> None:
    base = bases.choose(environment)
    assert (base.name, base.real_rpm_ostree) == (name, real)


def test_the_hash_changes_with_any_file_of_the_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(bases._HERE, tmp_path / "bases")
    before = bases.content_hash("debian")
    monkeypatch.setattr(bases, "_HERE", tmp_path / "bases")
    assert bases.content_hash("debian") == before
    for file in ("debian.toml", "debian-root.sh", "machine.sh"):
        path = tmp_path / "bases" / file
        path.write_text(path.read_text() + "# another line\n")
        assert bases.content_hash("debian") != before
        before = bases.content_hash("debian")


def data() -> dict[str, Any]:
    return tomllib.loads((bases._HERE / "debian.toml").read_text())


def test_deploy_finds_all_that_it_installs_in_the_image_or_its_archive() -> None:
    found = data()
    here = {*found["server"], *found["rpm_ostree"], *found["archive"], "util-linux"}
    wanted = {*platforms.DEBIAN.packages, *platforms.DEBIAN.selinux_packages}
    assert wanted <= here


def fedora() -> dict[str, set[str]]:
    """Return the packages that the Fedora base installs and downloads, by the command."""
    text = (bases._HERE / "fedora.Containerfile").read_text().replace("\\\n", " ")
    found = re.findall(
        r"^RUN dnf --assumeyes ([^&\n]*?) (install|download)((?: +[^ &\n]+)*)", text, re.MULTILINE
    )
    assert [command for _, command, _ in found] == ["install", "download"]
    return {command: set(packages.split()) for _, command, packages in found}


def test_deploy_finds_all_that_it_installs_in_the_fedora_image_or_its_archive() -> None:
    found = fedora()
    # What the image itself has: it could not install the others without.
    here = {*found["install"], *found["download"], "grep", "sed", "shadow-utils"}
    table = platforms.RED_HAT
    assert {*table.packages, *table.selinux_packages, *(table.compose_packages or ())} <= here
    assert found["install"].isdisjoint({"httpd", "mod_ssl", "polkit"})


def test_the_fedora_image_has_what_the_lab_calls_on_its_server() -> None:
    wanted = {"rpm-build", "createrepo_c", "e2fsprogs", "attr", "tar", "procps-ng", "/usr/bin/curl"}
    # tests/server runs in the image as it is. Debian's has these because ostree and ca-certificates do.
    assert wanted | {"gnupg2", "openssl", "python3-gobject-base"} <= fedora()["install"]


@pytest.mark.parametrize("policy", ["default", "targeted"])
def test_a_machine_is_configured_for_the_policy_that_its_base_has(tmp_path: Path, policy: str) -> None:
    """Debian's is there only after deploy.py; Fedora has none of that name."""
    text = (bases._HERE / "machine.sh").read_text()
    script = text[text.index("policy=default") : text.index("# Empty: each machine")]
    if policy == "targeted":
        (tmp_path / "etc/selinux/targeted").mkdir(parents=True)
    subprocess.run(["sh", "-euc", script.replace("/etc/", f"{tmp_path}/etc/")], check=True)
    lines = (tmp_path / "etc/selinux/config").read_text().splitlines()
    assert lines == ["SELINUX=permissive", f"SELINUXTYPE={policy}"]


def test_what_deploy_brings_is_not_there_already() -> None:
    found = data()
    installed = {*found["server"], *found["rpm_ostree"]}
    assert installed.isdisjoint({"apache2", "gnupg", "openssl", "selinux-policy-default"})


def test_the_packages_are_on_the_path_that_the_settings_of_the_lab_name() -> None:
    from group_data import lab as settings

    assert settings.ostree_package_repositories["lab"]["baseurl"] == f"file://{server.PACKAGES_PATH}"
