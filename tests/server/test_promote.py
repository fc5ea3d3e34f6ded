"""Promotion on real repositories, from the first to the later rings."""

from __future__ import annotations

import unittest

from support import DEV, HOME, PILOT, STABLE, ServerTest, opened


class Promotion(ServerTest):
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
        stable = self.server.json("promote", "--ring", "stable")
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
        _, commit, _ = opened(self.server.prod).load_commit(release)
        self.assertEqual(commit.unpack()[0]["release.serial"], "2")
        self.assertNotIn(DEV, self.server.refs())


if __name__ == "__main__":
    unittest.main()
