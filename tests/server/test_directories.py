"""What the gates know of directories and keep: no less is found, and only what is ours is believed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any
from unittest import mock

from ostree_release.gates import bootable
from ostree_release.images import directories, kept_directories
from ostree_release.images.directories import Directories
from ostree_release.repository.reading import Repository

from . import images
from .support import PILOT, File, ServerTest

PACKAGES = {"hello": "2.0-1"}
GATES: dict[str, dict[str, str]] = {"complete": {}, "bootable": {}, "diff": {"repository": "pass"}}
TREE = {
    **images.bootable(PACKAGES),
    **{f"/usr/lib/{name}/b/c/file": File(name.encode()) for name in ("one", "two", "three")},
}
TOOL = File(b"tool", 0o4755)


class DirectoriesTest(ServerTest):
    def setUp(self) -> None:
        super().setUp()
        self.server.write_config(gates=GATES)
        self.kept = self.server.state / "checks/prod/directories.json"

    def promoted(self, version: str, files: Mapping[str, File]) -> None:
        self.server.build(version, PACKAGES, files=files)
        self.server.json("promote")

    def staged(self, version: str, files: Mapping[str, File]) -> None:
        self.server.build(version, PACKAGES, files=files)
        self.server.json("stage")

    def found(self, version: str) -> list[str]:
        """Check a candidate; returns what was found."""
        done = self.server.call("check", version)
        self.assertNotIn("Traceback", done.stderr)
        self.said = done.stdout
        (checked,) = [each for each in self.server.journal() if each["event"] == "checked"][-1:]
        return [each["id"] for result in checked["results"] for each in result["findings"]]

    def known(self) -> Directories:
        lines: list[str] = []
        found = kept_directories.load(self.kept, lines.append)
        self.assertEqual(lines, [])
        return found


class NothingIsFoundLess(DirectoriesTest):
    def test_a_setuid_file_deep_in_a_tree_that_is_known_otherwise(self) -> None:
        self.promoted("44.1", TREE)
        self.assertTrue(self.known().kept)
        self.staged("44.2", {**TREE, "/usr/lib/two/b/c/tool": TOOL})
        expected = ["privileges:/usr/lib/two/b/c/tool:setuid:root:4755"]
        self.assertEqual(self.found("44.2"), expected)
        self.assertEqual(self.found("44.2"), expected, "once all of it is known")

    def test_what_anybody_may_write_and_what_has_no_label(self) -> None:
        asked = {**TREE, "/usr/share/rpm-ostree/treefile.json": File(b"{}")}
        shares = {f"/usr/share/{name}": File(b"x") for name in PACKAGES}
        labelled = images.labelled({**asked, **shares})
        self.server.write_config(gates={**GATES, "bootable": {"selinux": "pass"}})
        self.promoted("44.1", labelled)
        new = {
            "/usr/lib/two/b/c/open": File(b"x", 0o666),
            "/usr/lib/two/b/c/d": File(mode=0o757, directory=True),
        }
        self.staged("44.2", {**labelled, **new})
        for _ in range(2):
            self.assertEqual(
                self.found("44.2"),
                [
                    "world-writable:/usr/lib/two/b/c/d",
                    "world-writable:/usr/lib/two/b/c/open",
                    "unlabelled:2:/usr/lib/two/b/c/d",
                ],
            )

    def test_a_directory_that_moves_is_named_where_it_is(self) -> None:
        self.promoted("44.1", TREE)
        moving = {
            f"/usr/lib/{{}}/b/c/{name}": file for name, file in (("tool", TOOL), ("open", File(b"", 0o646)))
        }
        for number, place in ((2, "four"), (3, "five")):
            self.staged(
                f"44.{number}", {**TREE, **{path.format(place): file for path, file in moving.items()}}
            )
            self.assertEqual(
                self.found(f"44.{number}"),
                [
                    f"world-writable:/usr/lib/{place}/b/c/open",
                    f"privileges:/usr/lib/{place}/b/c/tool:setuid:root:4755",
                ],
            )

    def test_an_object_that_cannot_be_read_is_met_where_the_walk_meets_it(self) -> None:
        opens = {f"/usr/lib/two/b/{name}": File(b"", 0o666) for name in ("a", "z")}
        self.staged("44.1", {**TREE, **opens})
        subject = images.subject(self.server, "bootable")
        tree = subject.repository.tree(subject.candidate.checksum)
        entry = tree.find("/usr/lib/two/b/c/file")
        assert entry
        (self.server.prod / f"objects/{entry.content[:2]}/{entry.content[2:]}.filez").unlink()
        first, second = bootable.judge(subject).findings
        self.assertEqual(first.id, "world-writable:/usr/lib/two/b/a")
        self.assertRegex(second.id, "^unreadable:/usr/lib/two/b/c/file: ")
        self.assertFalse(self.kept.exists())

    def test_the_same_as_when_every_file_is_looked_at(self) -> None:
        more = {
            "/usr/lib/open": File(b"one", 0o666),
            "/usr/lib/tool": TOOL,
            "/usr/lib/link": File(link="tool"),
        }
        self.staged("44.1", {**TREE, **more, "/usr/lib/two/b/tool": TOOL})
        subject = images.subject(self.server, "bootable")
        tree, known = subject.repository.tree(subject.candidate.checksum), Directories()
        every = [(entry, tree.attributes(entry)) for entry in tree.walk()]
        marks: Mapping[int, Callable[[Any], bool]] = {
            directories.PRIVILEGED: directories.is_privileged,
            directories.WRITABLE: directories.may_be_written_by_anybody,
            directories.UNLABELLED: directories.is_unlabelled,
        }
        for mark, has_it in marks.items():
            expected = [entry for entry, attributes in every if has_it(attributes)]
            self.assertTrue(expected)
            self.assertEqual(list(known.marked(tree, mark)), expected)
        different = {entry.content: found.size for entry, found in every if not entry.is_directory}
        self.assertEqual(known.size(tree), sum(different.values()))


class WhatIsKept(DirectoriesTest):
    def test_without_the_file_the_answers_are_the_same(self) -> None:
        self.promoted("44.1", TREE)
        self.staged("44.2", {**TREE, "/usr/lib/two/b/c/tool": TOOL})
        self.found("44.2")
        data = self.server.state / "checks/prod" / f"{self.candidate('44.2')}.pilot.json"
        before = data.read_text()
        self.kept.unlink()
        self.assertEqual(self.found("44.2"), ["privileges:/usr/lib/two/b/c/tool:setuid:root:4755"])
        self.assertNotIn("directories.json", self.said)
        self.assertEqual(data.read_text(), before)

    def test_only_what_this_user_wrote_and_nobody_else_may_write(self) -> None:
        self.promoted("44.1", TREE)
        content = self.kept.read_bytes()
        other = content.replace(b'"format": 1', b'"format": 2')
        self.assertNotEqual(other, content)
        for words, changed, mode in (
            ("it is damaged, or of another version", content[:-1], 0o600),
            ("it is damaged, or of another version", content[:-1] + bytes([content[-1] ^ 1]), 0o600),
            ("it is damaged, or of another version", other, 0o600),
            ("it is damaged, or of another version", b"", 0o600),
            ("others may write to it", content, 0o620),
            ("others may write to it", content, 0o602),
        ):
            with self.subTest(words):
                self.kept.write_bytes(changed)
                self.kept.chmod(mode)
                self.assert_not_used(words)
        self.kept.chmod(0o600)
        with mock.patch("os.geteuid", return_value=os.geteuid() + 1):
            self.assert_not_used("it is no file of this user's")
        self.kept.unlink()
        self.kept.mkdir()
        self.assert_not_used("Is a directory")
        self.kept.rmdir()
        self.kept.symlink_to(self.server.top / "elsewhere")
        self.assert_not_used("symbolic links")

    def assert_not_used(self, words: str) -> None:
        lines: list[str] = []
        self.assertEqual(kept_directories.load(self.kept, lines.append).kept, {})
        (line,) = lines
        self.assertIn(f"{self.kept}: not used, and made again: ", line)
        self.assertIn(words, line)

    def test_what_is_not_used_hides_nothing_and_is_made_again(self) -> None:
        self.promoted("44.1", TREE)
        self.promoted("44.2", {**TREE, "/usr/lib/open": File(b"", 0o644)})
        self.staged("44.3", {**TREE, "/usr/lib/two/b/c/open": File(b"", 0o646)})
        found = ["world-writable:/usr/lib/two/b/c/open"]
        self.assertEqual(self.found("44.3"), found)
        content = self.kept.read_bytes()
        mark = content.replace(b", {}, 6]", b", {}, 0]").replace(b": 6}, ", b": 0}, ")
        self.assertNotEqual(mark, content)
        self.kept.write_bytes(mark)
        self.assertEqual(self.found("44.3"), found)
        self.assertIn(f"{self.kept}: not used, and made again: it is damaged", self.said)
        self.assertEqual(self.known().kept.keys(), self.lists(self.candidate("44.3")))
        self.assertEqual(self.found("44.3"), found)
        self.assertNotIn("not used", self.said)

    def test_only_what_the_candidate_and_the_rings_have_stays(self) -> None:
        own = {
            version: {f"/usr/lib/of-{version}/a/b": File(version.encode())}
            for version in ("44.1", "44.2", "44.3")
        }
        self.promoted("44.1", {**TREE, **own["44.1"]})
        first = self.lists(self.server.refs()[PILOT])
        self.assertEqual(self.known().kept.keys(), first)
        self.promoted("44.2", {**TREE, **own["44.2"]})
        second = self.lists(self.server.refs()[PILOT])
        self.assertEqual(self.known().kept.keys(), first | second, "pilot had the first when it was checked")
        self.promoted("44.3", {**TREE, **own["44.3"]})
        third = self.lists(self.server.refs()[PILOT])
        self.assertEqual(self.known().kept.keys(), second | third)
        self.assertTrue(first - second - third)

    def test_nothing_is_kept_of_what_is_not_known_to_be_sound(self) -> None:
        self.staged("44.1", TREE)
        entry = Repository(self.server.prod).tree(self.candidate("44.1")).find("/usr/lib/two/b/c/file")
        assert entry
        path = self.server.prod / f"objects/{entry.content[:2]}/{entry.content[2:]}.filez"
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        self.assertIn(f"unsound:{entry.content}", self.found("44.1"))
        self.assertFalse(self.kept.exists())
        path.write_bytes(content)
        self.server.write_config(gates={"bootable": {}, "diff": {"repository": "pass"}})
        self.assertEqual(self.found("44.1"), [])
        self.assertFalse(self.kept.exists(), "nobody has looked")
        self.server.write_config(gates=GATES)
        self.assertEqual(self.found("44.1"), [])
        self.assertTrue(self.kept.exists())

    def test_where_nothing_can_be_kept_the_check_goes_on(self) -> None:
        self.staged("44.1", TREE)
        self.kept.mkdir()
        self.assertEqual(self.found("44.1"), [])
        self.assertIn(f"{self.kept}: cannot be kept, so the next check takes longer: ", self.said)

    def candidate(self, version: str) -> str:
        return next(
            checksum for ref, checksum in self.server.refs().items() if ref.endswith(f"/candidate/{version}")
        )

    def lists(self, checksum: str) -> set[str]:
        """Return the lists of names in an image."""
        tree = Repository(self.server.prod).tree(checksum)
        return {entry.content for entry in tree.walk() if entry.is_directory}
