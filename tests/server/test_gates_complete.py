"""The gate `complete`: damage, interruptions, and a commit that is not in its place."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from unittest import mock

from ostree_release.answers import FAIL, PASS, Outcome
from ostree_release.environments.snapshot import look
from ostree_release.gates import complete
from ostree_release.images import kept_directories

from . import images
from .support import PILOT, STABLE, ServerTest, run

HELLO = "/usr/share/hello"


class CompleteTest(ServerTest):
    def setUp(self) -> None:
        super().setUp()
        self.server.build("44.1", {"hello": "1.0-1", "tool": "5.0-1"})
        self.server.json("stage")

    def judged(self, ring: str = "pilot") -> Outcome:
        return complete.judge(images.subject(self.server, "complete", ring))

    def object_of(self, path: str) -> Path:
        """Return the file of prod's object that is at a path of the candidate."""
        candidate = images.subject(self.server, "complete").candidate.checksum
        listing = run("ostree", f"--repo={self.server.prod}", "ls", "--checksum", candidate, path).stdout
        checksum = listing.split()[4]
        return self.server.prod / "objects" / checksum[:2] / f"{checksum[2:]}.filez"

    def assert_fails(self, outcome: Outcome, *ids: str) -> None:
        self.assertEqual(tuple(finding.id for finding in outcome.findings), ids, outcome.line)
        self.assertEqual(outcome.answer, FAIL)

    def test_a_candidate_passes_and_so_does_the_release_for_each_ring(self) -> None:
        self.assertEqual(self.judged(), replace(self.judged(), findings=()))
        self.assertEqual(self.judged().answer, PASS)
        self.server.json("promote")
        self.assertEqual(self.judged("stable").findings, ())
        self.promote_new("44.2", hello="2.0-1")
        self.assertEqual(self.judged("stable").findings, ())

    def test_a_damaged_object(self) -> None:
        path = self.object_of(HELLO)
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-3] + b"bad")
        outcome = self.judged()
        checksum = path.parent.name + path.stem
        self.assert_fails(outcome, f"unsound:{checksum}")
        self.assertEqual(outcome.line, f"object of {HELLO} is damaged ({checksum}.file)")
        self.assertEqual(outcome.data["unsound"], [{"path": HELLO, "checksum": checksum, "what": "damaged"}])

    def test_an_object_with_another_ones_content(self) -> None:
        hello, tool = self.object_of(HELLO), self.object_of("/usr/share/tool")
        hello.unlink()
        hello.write_bytes(tool.read_bytes())
        self.assertIn(f"object of {HELLO} is damaged", self.judged().line)

    def test_a_missing_object(self) -> None:
        self.object_of(HELLO).unlink()
        self.assertIn(f"object of {HELLO} is missing", self.judged().line)

    def test_what_the_ring_has_already_has_to_be_there_and_is_not_read_again(self) -> None:
        """What a disk damages there is found by a smoke pull, by a client, and by `ostree fsck`."""
        diff = {"vendor": "pass", "repository": "pass"}
        self.server.write_config(gates={"complete": {}, "diff": diff})
        self.server.json("promote")
        for number in (2, 3):
            self.server.build(f"44.{number}", {"hello": f"{number}.0-1", "tool": "5.0-1"})
            self.server.json("promote" if number == 2 else "stage")
        place = self.server.state / "checks/prod/directories.json"

        def judged(later: int = 0) -> Outcome:
            """Judge; later: as if all had been read then, since a disk that rots dates no change."""
            subject = images.subject(self.server, "complete")
            directories = kept_directories.load(place, self.fail)
            directories.read_at = later or directories.read_at
            return complete.judge(replace(subject, directories=directories))

        old, new = self.object_of("/usr/share/tool"), self.object_of(HELLO)
        sound = old.read_bytes()
        old.chmod(0o644)
        old.write_bytes(b"damaged")
        self.assertIn("object of /usr/share/tool is damaged", judged().line, "somebody has changed it")
        self.assertEqual(judged(time.time_ns() + 10**12).answer, PASS)
        old.unlink()
        self.assertIn("object of /usr/share/tool is missing", judged().line)
        old.write_bytes(b"damaged")
        place.unlink()
        self.assertIn("object of /usr/share/tool is damaged", judged().line, "without what is kept")
        old.write_bytes(sound)
        new.chmod(0o644)
        new.write_bytes(b"damaged")
        self.assertIn(f"object of {HELLO} is damaged", judged().line)

    def test_a_missing_directory(self) -> None:
        candidate = images.subject(self.server, "complete").candidate.checksum
        line = run("ostree", f"--repo={self.server.prod}", "ls", "-d", "-C", candidate, "/usr/share").stdout
        tree = line.split()[4]
        (self.server.prod / "objects" / tree[:2] / f"{tree[2:]}.dirtree").unlink()
        outcome = self.judged()
        self.assert_fails(outcome, f"unsound:{tree}")
        self.assertEqual(outcome.line, f"object of /usr/share is missing ({tree}.dirtree)")

    def test_a_partial_marker(self) -> None:
        subject = images.subject(self.server, "complete")
        (self.server.prod / f"state/{subject.candidate.checksum}.commitpartial").touch()
        self.assert_fails(complete.judge(subject), "partial")

    def test_a_candidate_that_another_release_overtook(self) -> None:
        subject = images.subject(self.server, "complete")
        self.server.build("44.2", {"hello": "2.0-1"})
        self.server.json("promote")
        now = look(subject.context, subject.environment)
        outcome = complete.judge(replace(subject, seen=now))
        self.assert_fails(outcome, "parent:None")
        self.assertIn("its parent is nothing, but the release before it is 44.2", outcome.line)
        self.assertIn("stage it again", outcome.line)

    def test_a_release_whose_parent_is_another(self) -> None:
        self.server.json("promote")
        self.promote_new("44.2", hello="2.0-1")
        subject = images.subject(self.server, "complete", "stable")
        seen = look(subject.context, subject.environment)
        forged = replace(subject.candidate, parent="f" * 64)
        changed = replace(seen, commits={**seen.commits, forged.checksum: forged})
        found = [finding.line for finding in complete.place(changed, forged, STABLE)]
        self.assertEqual(len(found), 1)
        self.assertIn("its parent is ffffffffffff, but the release before it is 44.1", found[0])

    def test_a_candidate_of_other_rings(self) -> None:
        subject = images.subject(self.server, "complete")
        self.server.write_config(rings=("pilot", "early", "stable"))
        outcome = complete.judge(
            replace(images.subject(self.server, "complete"), candidate=subject.candidate)
        )
        self.assert_fails(outcome, "unbound:fedora/x86_64/kinoite/early")
        self.server.write_config(rings=("stable",))
        outcome = complete.judge(
            replace(subject, seen=images.subject(self.server, "complete", "stable").seen)
        )
        self.assert_fails(outcome, f"bound:{PILOT}")

    def test_dates(self) -> None:
        subject = images.subject(self.server, "complete")
        now = int(time.time())
        future = replace(subject.candidate, timestamp=now + 3 * 86400)
        found = list(complete.dated(future, None, now))
        self.assertEqual([each.line for each in found], ["dated 72 hours ahead of this server's clock"])
        old = replace(subject.candidate, timestamp=subject.candidate.timestamp - 1)
        found = list(complete.dated(old, subject.candidate, now))
        self.assertEqual(len(found), 1)
        self.assertIn("not dated later than its parent 44.1", found[0].line)
        self.assertEqual(list(complete.dated(subject.candidate, old, now)), [])

    def test_a_clock_that_is_not_synchronised(self) -> None:
        with mock.patch("ostree_release.clock.awaits_time", return_value=True):
            self.assert_fails(self.judged(), "clock")
