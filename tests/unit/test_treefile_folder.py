"""The folder beside the treefiles: what it may hold, what comes to the server, and what goes again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyinfra.context import ctx_host

from ostree_release import config
from ostree_release.composing import treefile
from tasks.operations import managed_files
from tasks.operations.managed_files import Directory, File
from tasks.server import treefiles
from tasks.settings.declared import Server
from tasks.settings.load import server_settings
from tasks.settings.reader import SettingsError
from tests.unit.settings_cases import NAME, valid

PLACE = "/etc/rpm-ostree/treefiles"


def filled(folder: Path) -> Path:
    """Fill a folder as somebody would who brings a manifest."""
    (folder / "packages").mkdir()
    (folder / ".git").mkdir()
    (folder / ".git/HEAD").touch()
    (folder / "fedora.yaml").write_text("packages: [kernel]\n")
    (folder / "packages/common.yaml").write_text("packages: [bash]\n")
    (folder / "finish.sh").write_text("#!/bin/sh\n")
    (folder / "finish.sh").chmod(0o700)
    return folder


def settings(folder: Path | None, **changes: object) -> Server:
    return server_settings(valid(ostree_treefile_folder=str(folder) if folder else None, **changes), NAME)


def test_files_of_every_folder_keep_whether_they_are_scripts(tmp_path: Path) -> None:
    assert treefiles.folder(settings(filled(tmp_path))) == {
        "fedora.yaml": (b"packages: [kernel]\n", "644"),
        "finish.sh": (b"#!/bin/sh\n", "755"),
        "packages/common.yaml": (b"packages: [bash]\n", "644"),
    }
    assert treefiles.folder(settings(None)) == {}


@pytest.mark.parametrize("name", ["two words", "-x", "sub/a b", "gone", "loop"])
def test_what_cannot_lie_there_is_refused_by_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    if name in ("gone", "loop"):
        path.symlink_to("nowhere" if name == "gone" else ".")
    else:
        path.touch()
    with pytest.raises(SettingsError) as refusal:
        settings(tmp_path)
    assert f"{name!r} is none, or None" in str(refusal.value)


@pytest.mark.parametrize(
    "name", ["kinoite.repo", "kinoite-dev.yaml", "kinoite-dev.local.yaml", "kinoite-prod.yaml/x"]
)
def test_names_that_are_taken_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    with pytest.raises(SettingsError) as refusal:
        settings(tmp_path)
    (line,) = refusal.value.problems
    assert line.startswith(f"ostree_treefile_folder = '{tmp_path}': must be a folder without {name!r}")


class Host:
    """A server that remembers these names."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def get_fact(self, *_: object, **__: object) -> bytes:
        return "\n".join(list(self.names)).encode()


def declared(monkeypatch: pytest.MonkeyPatch, server: Server, *remembered: str) -> list[dict[str, Any]]:
    """Return what write_treefiles declares, in order, on a server that has had these files."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(managed_files, "declared", lambda **given: calls.append(given))
    with ctx_host.use(Host(*remembered)):
        treefiles.write_treefiles._inner(server)
    return calls


def test_a_new_folder_is_remembered_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (call,) = declared(monkeypatch, settings(filled(tmp_path)))
    assert call["directories"] == [Directory(PLACE), Directory(f"{PLACE}/packages")]
    assert call["files"][0] == File(f"{PLACE}/.folder", "fedora.yaml\nfinish.sh\npackages/common.yaml\n")
    assert File(f"{PLACE}/finish.sh", b"#!/bin/sh\n", mode="755") in call["files"]


def test_what_has_left_the_folder_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file may have become a folder, and a folder a file."""
    before = ("fedora.yaml", "finish.sh/x", "old/er/a", "packages")
    away, write, names = declared(monkeypatch, settings(filled(tmp_path)), *before)
    assert away["absent"] == [
        *(f"{PLACE}/{name}" for name in before[1:]),
        *(f"{PLACE}/{name}" for name in ("old/er", "old", "finish.sh")),
    ]
    assert "old/er/a\n" in write["files"][0].content
    assert names["files"] == [File(f"{PLACE}/.folder", "fedora.yaml\nfinish.sh\npackages/common.yaml\n")]


def test_without_a_folder_nothing_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    away, _, names = declared(monkeypatch, settings(None), "fedora.yaml")
    assert away["absent"] == [f"{PLACE}/fedora.yaml"]
    assert names == {
        "name": "Names of the files in this folder",
        "files": [],
        "absent": [f"{PLACE}/.folder"],
    }
    (only,) = declared(monkeypatch, settings(None))
    assert [file.path for file in only["files"]] == [f"{PLACE}/kinoite-dev.yaml", f"{PLACE}/kinoite.repo"]


def test_the_folder_counts_in_the_hashes(tmp_path: Path) -> None:
    environment = config.Environment.__new__(config.Environment)
    object.__setattr__(environment, "treefile", tmp_path / "kinoite-dev.yaml")
    (tmp_path / "kinoite-dev.yaml").write_text("ref: a\n")
    plain = treefile.hashes(environment)
    assert set(plain) == {"kinoite-dev.yaml"}
    (tmp_path / ".folder").write_text("finish.sh\n")
    seen = {treefile.hashes(environment)["folder"]}
    (tmp_path / "finish.sh").write_text("true\n")
    seen.add(treefile.hashes(environment)["folder"])
    (tmp_path / "finish.sh").chmod(0o755)
    seen.add(treefile.hashes(environment)["folder"])
    (tmp_path / "finish.sh").write_text("false\n")
    seen.add(treefile.hashes(environment)["folder"])
    (tmp_path / "other.sh").write_text("not ours\n")
    seen.add(treefile.hashes(environment)["folder"])
    assert len(seen) == 4
    assert {**treefile.hashes(environment), "folder": ""} == {**plain, "folder": ""}
