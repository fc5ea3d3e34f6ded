"""The lab's packages: the file lists of the builder, and that every spec is known."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from lab import packages
from lab.errors import LabError
from lab.packages import builder, repository

SPECS = Path(builder.__file__).parent / "specs"


def test_every_spec_is_built_and_every_package_has_one() -> None:
    assert {path.stem for path in SPECS.glob("*.spec")} == {
        *repository.FIRST_VERSIONS,
        *builder.BASE_PACKAGES,
    }


def test_a_file_list_keeps_modes_and_names_owners(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(f"somebody:x:{os.getuid()}:0::/:/bin/sh\n")
    (tmp_path / "etc/group").write_text(f"somegroup:x:{os.getgid()}:\n")
    program = tmp_path / "a 100% program"
    program.touch()
    program.chmod(0o4755)
    (tmp_path / "link").symlink_to("a 100% program")
    (tmp_path / "etc").chmod(0o750)
    owner = "somebody,somegroup"
    assert list(builder.file_list(tmp_path)) == [
        f'%attr(750,{owner}) %dir "/etc"',
        f'%attr(4755,{owner}) "/a 100%% program"',
        f'%attr(-,{owner}) "/link"',
    ]


@pytest.mark.parametrize(
    ("name", "version", "part"),
    [
        ("No thing", "1.0", "'No thing' cannot be published"),
        ("hello", "1-2", "'1-2' is no version"),
        ("lab-base", "2", "'lab-base' cannot be published"),
    ],
)
def test_publishing_refuses_what_cannot_be(name: str, version: str, part: str) -> None:
    with pytest.raises(LabError, match=part):
        packages.publish(None, None, "", name, version)  # type: ignore[arg-type]


def test_what_is_compiled_for_an_image_does_not_go_by_times(tmp_path: Path) -> None:
    module = tmp_path / f"usr/lib/python3.{sys.version_info.minor}/module.py"
    module.parent.mkdir(parents=True)
    (tmp_path / "usr/lib/python3").mkdir()
    module.write_text("ANSWER = 42\n")
    builder.compile_python(tmp_path)
    os.utime(module, (0, 0))
    (compiled,) = (module.parent / "__pycache__").iterdir()
    assert compiled.read_bytes()[4:8] == b"\x01\0\0\0", "PEP 552: a hash, and nobody checks it"
