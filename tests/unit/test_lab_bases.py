"""Which base a lab has, and when its image is built anew."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from lab import bases, server
from tasks import platforms


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


def test_what_deploy_brings_is_not_there_already() -> None:
    found = data()
    installed = {*found["server"], *found["rpm_ostree"]}
    assert installed.isdisjoint({"apache2", "gnupg", "openssl", "selinux-policy-default"})


def test_the_packages_are_on_the_path_that_the_settings_of_the_lab_name() -> None:
    from group_data import lab as settings

    assert settings.ostree_package_repositories["lab"]["baseurl"] == f"file://{server.PACKAGES_PATH}"
