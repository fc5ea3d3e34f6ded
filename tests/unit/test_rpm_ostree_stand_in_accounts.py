"""The stand-in's users and groups in a compose, against what the real program was recorded to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab.rpm_ostree import accounts, treefile
from lab.rpm_ostree.errors import FailedError

ROOT = "root:x:0:0:root:/root:/bin/bash\n"
OLD = {
    "check-passwd": f"{ROOT}svc-a:x:995:996::/:/x\nsvc-c:x:994:995::/:/x\n",
    "check-groups": "root:x:0:\nsvc-a:x:996:\nsvc-c:x:995:\n",
}
FILE = {
    "check-passwd": {"type": "file", "filename": "passwd"},
    "check-groups": {"type": "file", "filename": "group"},
}
IGNORING = {"ignore-removed-users": ["root"], "ignore-removed-groups": ["root"]}
MOVED = (
    "Postprocessing and committing: Validating user entries according to treefile check-passwd: "
    "passwd UID changed: svc-c (994 to 993)"
)


def composed(root: Path, passwd: str, group: str = OLD["check-groups"]) -> Path:
    (root / "usr/etc").mkdir(parents=True)
    (root / "usr/etc/passwd").write_text(passwd)
    (root / "usr/etc/group").write_text(group)
    return root


def checked(root: Path, tree: dict[str, Any], previous: dict[str, str] | None = None) -> list[str]:
    said: list[str] = []
    accounts.check(root, tree, OLD, previous or {}, said.append)
    return said


@pytest.mark.parametrize(("tree", "previous"), [({**FILE, **IGNORING}, None), ({}, OLD)])
def test_a_number_that_moved_fails(tmp_path: Path, tree: dict[str, Any], previous: dict[str, str]) -> None:
    root = composed(tmp_path, OLD["check-passwd"].replace("994", "993"))
    with pytest.raises(FailedError) as caught:
        checked(root, tree, previous)
    assert str(caught.value) == MOVED


def test_without_a_check_nothing_is_said(tmp_path: Path) -> None:
    none = {"check-passwd": {"type": "none"}, "check-groups": {"type": "none"}}
    assert checked(composed(tmp_path, f"{ROOT}svc-c:x:1:1::/:/x\n"), none, OLD) == []


def test_root_is_missing_unless_it_is_ignored_and_who_is_new_is_named(tmp_path: Path) -> None:
    root = composed(
        tmp_path, f"{OLD['check-passwd']}svc-b:x:993:994::/:/x\n", f"{OLD['check-groups']}svc-b:x:994:\n"
    )
    (root / "owned").touch()  # by root, in a test that root runs
    assert checked(root, {**FILE, **IGNORING}) == [
        "Ignored user missing from new passwd file: root",
        "New passwd entries: svc-b",
        "Ignored group missing from new group file: root",
        "New group entries: svc-b",
    ]
    if (root / "owned").stat().st_uid == 0:
        with pytest.raises(FailedError, match="User missing from new passwd file: root"):
            checked(root, FILE)


def test_a_group_is_checked_as_a_user_is(tmp_path: Path) -> None:
    root = composed(tmp_path, OLD["check-passwd"], OLD["check-groups"].replace("995", "990"))
    with pytest.raises(FailedError, match=r"group GID changed: svc-c \(990 to 995\)"):
        checked(root, {**FILE, **IGNORING})


def test_what_a_file_has_is_there_before_any_package(tmp_path: Path) -> None:
    accounts.prepare(tmp_path, FILE, OLD, "c" * 64)
    assert (tmp_path / "etc/passwd").read_text() == OLD["check-passwd"]
    assert (tmp_path / "etc/group").read_text() == OLD["check-groups"]
    assert (tmp_path / "etc/shadow").read_text().splitlines()[1] == "svc-a:*::0:99999:7:::"
    assert (tmp_path / "etc/gshadow").stat().st_mode & 0o777 == 0


@pytest.mark.parametrize(
    ("tree", "previous", "reason"),
    [
        ({}, "c" * 64, "failed to merge entries into /etc/passwd"),
        ({"check-passwd": {"type": "none"}}, "c" * 64, "failed to merge entries into /etc/passwd"),
        ({"check-passwd": FILE["check-passwd"]}, None, "passwd data from JSON, and group data from commit"),
        ({"check-groups": FILE["check-groups"]}, None, "passwd data from commit, and group data from JSON"),
    ],
)
def test_what_cannot_be_kept_fails(
    tmp_path: Path, tree: dict[str, Any], previous: str | None, reason: str
) -> None:
    with pytest.raises(FailedError, match=reason):
        accounts.prepare(tmp_path, tree, OLD, previous)


@pytest.mark.parametrize(("tree", "previous"), [({}, None), ({"preserve-passwd": False}, "c" * 64)])
def test_nothing_is_kept_otherwise(tmp_path: Path, tree: dict[str, Any], previous: str | None) -> None:
    accounts.prepare(tmp_path, tree, OLD, previous)
    assert list(tmp_path.iterdir()) == []


def test_only_a_package_called_setup_may_bring_the_files_too(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    for name in ("passwd.rpmnew", ".pwd.lock", "shadow-"):
        (tmp_path / "etc" / name).touch()
    with pytest.raises(FailedError, match="Hardlinking passwd: File exists"):
        accounts.settle(tmp_path, {"other-setup"})
    accounts.settle(tmp_path, {"setup"})
    assert list((tmp_path / "etc").iterdir()) == []


def test_the_files_of_a_treefile_lie_beside_it_and_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    included = tmp_path / "sub/base.yaml"
    included.write_text(json.dumps({"ref": "a/b", **FILE}))
    path = tmp_path / "tree.yaml"
    path.write_text(
        json.dumps({"include": "sub/base.yaml", "check-passwd": {"type": "file", "filename": "own"}})
    )
    (tmp_path / "own").write_text("own")
    (tmp_path / "sub/passwd").write_text("included")
    with pytest.raises(FailedError, match=r'Can\'t open file ".*/sub/group" for reading'):
        treefile.load(path)
    (tmp_path / "sub/group").write_text("group")
    assert treefile.account_files(path) == {"check-passwd": "own", "check-groups": "group"}
