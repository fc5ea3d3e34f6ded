"""The stand-in's command line: what it says it is, and what it refuses."""

from __future__ import annotations

import io
import zipfile

import pytest

from lab import rpm_ostree
from lab.rpm_ostree.main import main
from tests.recorded.composes import recorded_compose


def test_says_in_version_that_it_is_the_labs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert "stand-in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["compose", "tree", "--unified-core", "--no-such-option", "e/ok.yaml"], "unknown-option"),
        (["compose", "tree", "--unified-core", "e/ok.yaml"], "no-repo-arg"),
        (["compose", "tree", "--unified-core", "--repo=/srv"], "no-treefile-arg"),
        (
            ["compose", "tree", "--repo=/srv", "--add-metadata-string=versionnoequals", "e/ok.yaml"],
            "bad-metadata-string",
        ),
    ],
)
def test_fails_as_recorded(argv: list[str], name: str, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = recorded_compose(name)
    assert main(argv) == recorded.code
    assert capsys.readouterr().err.splitlines()[-1] == recorded.stderr[-1]


@pytest.mark.parametrize(
    "argv",
    [
        ["install", "hello"],
        ["override", "remove", "hello"],
        ["upgrade", "--preview"],
        ["upgrade", "--install=hello"],
        ["compose", "tree", "--no-parent=yes", "x"],
        ["status", "--verbose"],
    ],
)
def test_refuses_what_it_does_not_implement(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: Unknown ")


def test_is_one_file_and_the_same_each_time() -> None:
    (content, mode) = rpm_ostree.files()["/usr/bin/rpm-ostree"]
    assert content.startswith(b"#!/usr/bin/python3 -I\n")
    assert mode == 0o755
    assert content == rpm_ostree.files()["/usr/bin/rpm-ostree"][0]
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert "__main__.py" in names
    assert "lab/rpm_ostree/status.py" in names
