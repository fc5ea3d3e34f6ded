"""Promotion on real repositories: what a release is, and which moves are made or refused."""

from __future__ import annotations

import json
import pwd
import shutil
import unittest
from pathlib import Path
from typing import Any

from tests.server.support import DEV, HOME, PILOT, STABLE, USER, ServerTest, opened, run


def fields(repository: Path, checksum: str) -> dict[str, tuple[str, bytes]]:
    """Return a commit's metadata as type and bytes of every value."""
    _, commit, _ = opened(repository).load_commit(checksum)
    found = commit.get_child_value(0)
    values = (found.get_child_value(index) for index in range(found.n_children()))
    pairs = [
        (value.get_child_value(0).get_string(), value.get_child_value(1).get_variant()) for value in values
    ]
    return {key: (value.get_type_string(), value.get_data_as_bytes().get_data()) for key, value in pairs}


def commit(repository: Path, checksum: str) -> Any:
    """Return a commit's content as Python values."""
    return opened(repository).load_commit(checksum)[1].unpack()


class Release(ServerTest):
    def test_two_builds_to_two_rings(self) -> None:
        first = self.promote_new("44.1", hello="1.0-1", old="1-1")
        self.assertEqual(first["outcome"], "promoted")
        self.assertEqual(first["release"]["serial"], 1)
        second = self.promote_new("44.2", hello="2.0-1", new="1-1")
        changes = second["packages"]
        self.assertEqual(changes["upgraded"], [{"name": "hello", "old": "1.0-1", "new": "2.0-1"}])
        self.assertEqual(changes["added"], [{"name": "new", "new": "1-1"}])
        self.assertEqual(changes["removed"], [{"name": "old", "old": "1-1"}])
        release = second["release"]["checksum"]
        self.assertEqual(self.server.pull(PILOT), release)
        started = self.server.start("promote", "--ring", "stable", "--json")
        self.assertEqual(started.returncode, 0, started.stderr)
        stable = json.loads(started.stdout)
        self.assertEqual(stable["release"]["checksum"], release, "what the pilots ran is what everybody gets")
        self.assertEqual(self.server.pull(STABLE), release)
        self.assertEqual(
            self.server.refs(),
            {
                PILOT: release,
                STABLE: release,
                f"{HOME}/releases/44.1": first["release"]["checksum"],
                f"{HOME}/releases/44.2": release,
            },
        )
        self.server.fsck()
        log = run("ostree", f"--repo={self.server.prod}", "log", PILOT).stdout
        self.assertEqual([line.split()[1] for line in log.splitlines() if line.startswith("commit ")],
                         [release, first["release"]["checksum"]])  # fmt: skip

    def test_what_a_release_says(self) -> None:
        first = self.promote_new("44.1", hello="1.0-1")
        build = self.server.build("44.2", {"hello": "2.0-1"})
        second = self.server.json("promote", "--reason", "tested on Monday", "--laptop-gate", "boot-test")
        checksum = second["release"]["checksum"]
        moved = next(e for e in self.server.journal() if e.get("reason") and e["event"] == "done")
        self.assertEqual((moved["reason"], moved["laptop_gate"]), ("tested on Monday", "boot-test"))
        ours = {"version", "ostree.ref-binding", "release.serial", "release.build", "release.journal"}
        before, after = fields(self.server.dev, build), fields(self.server.prod, checksum)
        for key in before.keys() - ours:
            self.assertEqual(after[key], before[key], key)
        self.assertEqual(after.keys(), before.keys() | ours)
        release, parent = (
            commit(self.server.prod, checksum),
            commit(self.server.prod, first["release"]["checksum"]),
        )
        self.assertEqual(release[0]["ostree.ref-binding"], sorted(
            [f"{HOME}/candidate/44.2", f"{HOME}/releases/44.2", PILOT, STABLE]))  # fmt: skip
        self.assertEqual(release[0]["release.serial"], "2")
        self.assertEqual(release[0]["release.build"], build)
        self.assertEqual(bytes(release[1]).hex(), first["release"]["checksum"])
        self.assertEqual(release[6:], commit(self.server.dev, build)[6:], "the same root tree")
        older, newer = (int.from_bytes(c[5].to_bytes(8, "little"), "big") for c in (parent, release))
        self.assertGreater(newer, older)
        hashes = {entry["previous"] for entry in self.server.journal()}
        self.assertIn(release[0]["release.journal"], hashes)
        self.assertIn("tested on Monday", json.dumps(self.server.journal()))
        shown = run("ostree", f"--repo={self.server.prod}", "show", checksum).stdout
        self.assertIn("Found 1 signature:", shown, "dev's stays with dev's commit")

    def test_an_image_without_changes(self) -> None:
        release = self.promote_new("44.1")["release"]
        meta = (
            self.server.prod / "objects" / release["checksum"][:2] / f"{release['checksum'][2:]}.commitmeta"
        )
        signed = meta.read_bytes()
        journal = self.server.journal()
        again = self.server.json("promote")
        self.assertEqual((again["outcome"], again["moves"], again["repaired"]), ("unchanged", [], []))
        self.assertEqual(meta.read_bytes(), signed)
        self.assertEqual(self.server.journal(), journal)
        self.server.build("44.2", {"hello": "44.1-1"})
        self.assertEqual(
            self.server.json("promote")["outcome"], "unchanged", "another build, the same content"
        )

    def test_repairs(self) -> None:
        release = self.promote_new("44.1")["release"]
        checksum = release["checksum"]
        meta = self.server.prod / "objects" / checksum[:2] / f"{checksum[2:]}.commitmeta"

        def forget_end() -> None:
            journal = self.server.state / "journal.jsonl"
            journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:-2]))  # and its anchor

        def stale() -> None:
            (self.server.prod / "summary").unlink()

        def drop_ref() -> None:
            run("ostree", f"--repo={self.server.prod}", "refs", "--delete", f"{HOME}/releases/44.1")

        for damage, word in (
            (meta.unlink, "signature"),
            (drop_ref, "releases/44.1"),
            (stale, "summary"),
            (forget_end, "journal"),
        ):
            with self.subTest(word):
                damage()
                plan = self.server.json("promote", "--plan")
                self.assertEqual(plan["outcome"], "repair")
                self.assertTrue(any(word in repair for repair in plan["repairs"]), plan)
                done = self.server.json("promote")
                self.assertEqual(done["outcome"], "repaired")
                self.assertTrue(any(word in repair for repair in done["repaired"]), done)
                self.assertEqual(done["release"], release)
                self.assertEqual(self.server.pull(PILOT), checksum)
                self.assertEqual(self.server.json("promote", "--plan")["outcome"], "unchanged")
        self.server.fsck()


class Refusals(ServerTest):
    def unmoved(self, *arguments: str, **more: Any) -> str:
        """Return the refusal of a promotion that must leave the rings and releases as they are."""
        before = self.server.refs()
        line = self.server.refused("promote", *arguments, **more)
        self.assertEqual(self.server.refs(), before)
        self.server.fsck()
        return line

    def test_builds_that_are_not_right(self) -> None:
        self.promote_new("44.1")
        self.server.build("44.2", {"hello": "2-1"}, sign=None)
        self.assertIn("44.2: not signed with the key of dev", self.unmoved())
        self.server.build("44.3", {"hello": "3-1"}, sign="prod")
        self.assertIn("44.3: not signed with the key of dev", self.unmoved())
        self.server.build("44.4", {"hello": "4-1", "other": "4-1"})
        broken = self.corrupt()
        self.assertIn("object of /usr/share/hello is damaged", self.unmoved())
        self.assertFalse((self.server.prod / "objects" / broken).exists())
        self.assertIn("no such build", self.unmoved("--build", "44.9"))

    def corrupt(self) -> str:
        """Put another file's content into an object of dev; returns its place among the objects."""
        listing = run("ostree", f"--repo={self.server.dev}", "ls", "-C", "-R", DEV).stdout
        names = {line.split()[-1].rpartition("/")[2]: line.split()[4] for line in listing.splitlines()}
        places = [f"{names[name][:2]}/{names[name][2:]}.filez" for name in ("hello", "other")]
        hello, other = (self.server.dev / "objects" / place for place in places)
        content = other.read_bytes()
        hello.unlink()
        hello.write_bytes(content)
        return places[0]

    def test_a_key_that_only_the_host_trusts(self) -> None:
        self.server.build("44.1", {"hello": "1-1"}, sign="prod")
        keys = self.server.top / "host-keys"
        keys.mkdir()
        shutil.copy(self.server.top / "base/keys/prod.gpg", keys)
        line = self.unmoved(before=f"import os; os.environ['OSTREE_GPG_HOME'] = {str(keys)!r}")
        self.assertIn("not signed with the key of dev", line)

    def test_ring_order(self) -> None:
        self.server.build("44.1", {"hello": "1-1"})
        self.assertIn("has no release yet", self.unmoved("--ring", "stable"))
        self.assertIn("no such ring", self.unmoved("--ring", "beta"))
        self.assertIn(
            "only the first ring, pilot, takes a build", self.unmoved("--ring", "stable", "--build", "44.1")
        )
        self.server.json("promote")
        self.server.write_config(rings=("pilot", "beta", "stable"))
        self.assertIn("released before this ring existed", self.unmoved("--ring", "beta"))
        self.server.build("44.2", {"hello": "2-1"})
        self.server.json("promote")
        self.assertEqual(self.server.json("promote", "--ring", "beta")["release"]["version"], "44.2")

    def test_what_moved_since_the_plan(self) -> None:
        build = self.server.build("44.1", {"hello": "1-1"})
        plan = self.server.json("promote", "--plan")
        self.assertEqual(plan["expect"], {"build": build, "tip": "none"})
        self.assertEqual(self.server.refs(), {})
        self.server.build("44.2", {"hello": "2-1"})
        expect = ("--expect-build", build, "--expect-tip", "none")
        self.assertIn("was expected", self.unmoved(*expect))
        self.server.json("promote", "--build", "44.1", *expect)
        self.assertIn("was expected", self.unmoved("--build", "44.2", "--expect-tip", "none"))

    def test_clock(self) -> None:
        self.promote_new("44.1")
        self.server.build("44.2", {"hello": "2-1"})
        ago = "import time; real = time.time; time.time = lambda: real() - 3 * 86400"
        self.assertIn("hours ahead", self.unmoved(before=ago))

    def test_the_wrong_user(self) -> None:
        self.server.build("44.1", {"hello": "1-1"})
        nobody = pwd.getpwnam("nobody")
        done = self.server.start("promote", user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[])
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"run it as {USER}, not as nobody", done.stderr)
        self.assertEqual(self.server.refs(), {})


class Again(ServerTest):
    def test_content_that_is_behind_is_released_again(self) -> None:
        self.promote_new("44.1", hello="1-1")
        self.promote_new("44.2", hello="2-1")
        back = self.server.json("promote", "--build", "44.1")
        self.assertEqual(back["release"]["version"], "44.1.r3")
        self.assertEqual(back["build"]["version"], "44.1")
        self.assertEqual(back["packages"]["downgraded"], [{"name": "hello", "old": "2-1", "new": "1-1"}])
        self.assertEqual(self.server.pull(PILOT), back["release"]["checksum"])
        self.assertEqual(self.server.json("promote", "--build", "44.1")["outcome"], "unchanged")
        stable = self.server.json("promote", "--ring", "stable")
        self.assertEqual((stable["release"]["version"], stable["build"]["version"]), ("44.1.r3", "44.1"))
        self.server.fsck()

    def test_a_candidate_is_used_or_staged_again(self) -> None:
        self.server.build("44.1", {"hello": "1-1"})
        staged = self.server.json("stage")
        self.assertEqual(staged["outcome"], "staged")
        self.assertEqual(self.server.json("stage")["outcome"], "unchanged")
        self.server.build("44.2", {"hello": "2-1"})
        self.server.json("promote")
        again = self.server.json("promote", "--build", "44.1")
        self.assertNotEqual(again["release"]["checksum"], staged["release"]["checksum"], "overtaken")
        self.assertEqual((again["release"]["version"], again["release"]["serial"]), ("44.1", 2))
        self.assertNotIn(f"{HOME}/candidate/44.1", self.server.refs())
        self.server.build("44.3", {"hello": "3-1"})
        staged = self.server.json("stage")
        self.assertEqual(self.server.json("promote")["release"], staged["release"], "still valid")
        self.server.fsck()

    def test_the_steps_alone(self) -> None:
        self.server.build("44.1", {"hello": "1-1"})
        self.assertIn("stage a build first", self.server.refused("sign"))
        self.assertEqual(
            self.server.json("stage")["next"], {"subcommand": "check", "arguments": ["--to", "prod"]}
        )
        self.assertIn("not checked", self.server.refused("sign"))
        self.server.json("check")
        self.assertIn("sign it first", self.server.refused("publish"))
        self.assertEqual(self.server.json("sign")["outcome"], "signed")
        self.assertEqual(self.server.json("sign")["outcome"], "unchanged")
        published = self.server.json("publish")
        self.assertEqual(self.server.pull(PILOT), published["release"]["checksum"])
        self.assertEqual(self.server.json("promote")["outcome"], "unchanged")


if __name__ == "__main__":
    unittest.main()
