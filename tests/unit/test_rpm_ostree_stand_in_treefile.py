"""The stand-in's treefiles, against what rpm-ostree printed about the same ones."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest

from lab.rpm_ostree import treefile
from lab.rpm_ostree.errors import FailedError
from tests.recorded.composes import recorded_compose

GOOD = "ref: fedora/x86_64/kinoite/dev\npackages: [hello]\n"


def refusal(path: Path) -> str:
    with pytest.raises(FailedError) as caught:
        treefile.load(path)
    return str(caught.value)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "added"),
    [
        ("yaml-unknown-key", "no-such-key: 1\n"),
        ("yaml-two-unknown-keys", "no-such-key: 1\nanother_one: [a]\n"),
        ("yaml-wrong-type", 'selinux: "no thanks"\n'),
    ],
)
def test_refuses_in_the_recorded_words(tmp_path: Path, name: str, added: str) -> None:
    line = recorded_compose(name).stderr[0].removeprefix("error: ")
    recorded_file = line.split(": ")[0].removeprefix("Parsing ")
    path = write(tmp_path, "tree.yaml", GOOD + added)
    assert refusal(path) == line.replace(recorded_file, str(path))


def test_a_missing_file_in_the_recorded_words(tmp_path: Path) -> None:
    line = recorded_compose("include-missing").stderr[0].removeprefix("error: ")
    recorded_file = line.split('"')[1]
    path = write(tmp_path, "tree.yaml", GOOD + "include: nope.yaml\n")
    assert refusal(path) == line.replace(recorded_file, str(tmp_path / "nope.yaml"))


def test_refuses_another_architecture_in_the_words_of_the_real_program(tmp_path: Path) -> None:
    """The words are those of rpm-ostree 2025.1, which names the file that says so."""
    path = write(tmp_path, "arm.yaml", GOOD + "basearch: riscv64\n")
    said = (
        f"Parsing {path}: Invalid basearch riscv64 on {platform.machine()}: cross-composes are not supported"
    )
    assert refusal(path) == said
    assert refusal(write(tmp_path, "local.yaml", "include: arm.yaml\n")) == said


def test_json_passes_unknown_keys_on(tmp_path: Path) -> None:
    path = write(tmp_path, "tree.json", json.dumps({"ref": "a/b", "no-such-key": 1}))
    assert treefile.load(path)["no-such-key"] == 1


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_refuses_what_only_the_real_program_implements(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path, f"tree.{suffix}", json.dumps({"ref": "a/b", "container": True}))
    assert "container is not implemented by the lab's stand-in" in refusal(path)


def test_packages_of_another_architecture_stay_out(tmp_path: Path) -> None:
    """As rpm-ostree 2025.1 does, which takes any word after `packages-` and insists on a list of strings."""
    own = f"packages-{platform.machine()}: [own]\n"
    tree = treefile.load(write(tmp_path, "tree.yaml", f"{GOOD}{own}packages-riscv64: [other]\n"))
    assert tree["packages"] == ["hello", "own"]
    assert not [key for key in tree if key.startswith("packages-")]
    bad = write(tmp_path, "bad.yaml", f"{GOOD}packages-riscv64: other\n")
    assert refusal(bad) == f"Parsing {bad}: Invalid field packages-riscv64: expected array of strings"


def test_prints_includes_expanded_as_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two files are those that follow the recorded output, which was made on x86_64."""
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    write(
        tmp_path,
        "common.yaml",
        'releasever: "42"\nrepos:\n  - fedora\nselinux: false\npackages:\n  - filesystem\n'
        "add-commit-metadata:\n  example.key: value\n",
    )
    path = write(
        tmp_path,
        "tree.yaml",
        "include: common.yaml\nref: fedora/${basearch}/kinoite/dev\npackages:\n  - hello\n"
        "packages-x86_64:\n  - tool-a\n",
    )
    assert (
        treefile.print_only(treefile.load(path)).splitlines() == recorded_compose("print-only-include").stdout
    )


def test_the_including_file_wins_and_lists_are_joined(tmp_path: Path) -> None:
    write(tmp_path, "common.yaml", "ref: a/common\nrepos: [one]\npostprocess: ['true']\n")
    path = write(
        tmp_path, "tree.yaml", "include: common.yaml\nref: a/own\nrepos: [two]\npostprocess: ['false']\n"
    )
    tree = treefile.load(path)
    assert (tree["ref"], tree["repos"], tree["postprocess"]) == ("a/own", ["one", "two"], ["true", "false"])


def test_takes_its_own_output_again(tmp_path: Path) -> None:
    path = write(tmp_path, "tree.yaml", GOOD)
    again = write(tmp_path, "again.yaml", treefile.print_only(treefile.load(path)))
    assert treefile.load(again) == treefile.load(path)


def test_files_that_a_treefile_names_lie_beside_the_one_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    write(tmp_path / "more", "motd", "hello\n")
    write(tmp_path / "more", "finish.sh", "#!/bin/sh\n")
    write(tmp_path / "more", "more.yaml", "add-files: [[motd, /etc/motd]]\npostprocess-script: finish.sh\n")
    path = write(tmp_path, "tree.yaml", GOOD + "include: more/more.yaml\n")
    tree = treefile.load(path)
    assert tree["add-files"] == [[f"{tmp_path}/more/motd", "/etc/motd"]]
    assert tree["postprocess-script"] == f"{tmp_path}/more/finish.sh"
    before = treefile.contents(tree)
    write(tmp_path / "more", "motd", "good bye\n")
    assert treefile.contents(tree) != before
    (tmp_path / "more/finish.sh").unlink()
    assert f'Can\'t open file "{tmp_path}/more/finish.sh" for reading' in refusal(path)


@pytest.mark.parametrize("value", ["motd", "[motd, /etc/motd]", "[[motd]]", "[[motd, 7]]"])
def test_add_files_are_pairs(tmp_path: Path, value: str) -> None:
    path = write(tmp_path, "tree.yaml", GOOD + f"add-files: {value}\n")
    assert "expected two strings" in refusal(path)


def test_packages_of_another_architecture_are_left_out(tmp_path: Path) -> None:
    added = "packages-x86_64: [shim-x64]\npackages-aarch64: [shim-aa64]\n"
    tree = treefile.load(write(tmp_path, "tree.yaml", GOOD + added))
    assert tree["packages"] == ["hello", {"x86_64": "shim-x64", "aarch64": "shim-aa64"}[tree["basearch"]]]
    assert "packages-aarch64" not in tree
