"""Promoting through the real gates: what each of them refuses, and what an approval lets through."""

from __future__ import annotations

from collections.abc import Mapping

from . import images
from .support import PILOT, File, ServerTest, run

PACKAGES = {"hello": "2.0-1", "tool": "5.0-1.lab"}


class PromoteThroughGatesTest(ServerTest):
    def setUp(self) -> None:
        super().setUp()
        self.server.write_config(gates={"complete": {}, "bootable": {}, "diff": {}})
        self.build("44.1", PACKAGES)
        self.server.json("promote")

    def build(
        self, version: str, packages: Mapping[str, str], files: Mapping[str, File] | None = None
    ) -> None:
        self.server.build(version, packages, files={**images.bootable(packages), **(files or {})})

    def refused(self, *arguments: str) -> list[str]:
        """Promote, which must be refused and leave the ring as it was; returns what was said."""
        before = self.server.refs().get(PILOT)
        done = self.server.call("promote", *arguments)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertEqual(self.server.refs().get(PILOT), before)
        return [line for line in done.stderr.splitlines() if line.startswith("ostree-release: ")]

    def test_a_removed_package_is_refused_approved_and_published(self) -> None:
        self.build("44.2", {"hello": "2.0-1"}, {"/usr/bin/x": File(b"x", 0o4755)})
        lines = self.refused()
        self.assertIn("gate diff needs approval: new setuid file /usr/bin/x (root, 4755)", lines[0])
        self.assertIn("gate diff needs approval: removed tool 5.0-1.lab", lines[1])
        self.server.json("approve", "44.2", "--reason", "tool is not needed, x is ours")
        self.assertEqual(self.server.json("promote")["outcome"], "promoted")
        pulled = self.server.pull(PILOT)
        listing = run("ostree", f"--repo={self.server.prod}", "ls", pulled, "/usr/bin/x").stdout
        self.assertTrue(listing.startswith("-04755 0 0"), listing)
        (approved,) = [entry for entry in self.server.journal() if entry["event"] == "approved"]
        self.assertEqual(
            approved["findings"], ["privileges:/usr/bin/x:setuid:root:4755", "removed:tool-5.0-1.lab.x86_64"]
        )
        self.server.json("promote", "--ring", "stable")
        self.server.fsck()

    def test_what_cannot_boot_is_refused_and_no_plain_approval_helps(self) -> None:
        modules = f"/usr/lib/modules/{images.KERNEL}"
        self.build("44.2", PACKAGES, {f"{modules}/vmlinuz": File(b"")})
        self.assertIn("gate bootable fails: no kernel", self.refused()[0])
        approved = self.server.call("approve", "44.2", "--reason", "let it")
        self.assertIn("Still not let through: gate bootable fails: no kernel", approved.stdout)
        self.assertIn("gate bootable fails: no kernel", self.refused()[0])
        self.build("44.3", {**PACKAGES, "hello": "3.0-1"})
        self.assertEqual(self.server.json("promote")["outcome"], "promoted")

    def test_a_damaged_candidate_is_refused(self) -> None:
        self.build("44.2", {**PACKAGES, "hello": "3.0-1"})
        candidate = self.server.json("stage")["release"]["checksum"]
        listing = run(
            "ostree", f"--repo={self.server.prod}", "ls", "-C", candidate, "/usr/share/hello"
        ).stdout
        checksum = listing.split()[4]
        path = self.server.prod / "objects" / checksum[:2] / f"{checksum[2:]}.filez"
        path.unlink()
        self.assertIn("gate complete fails: object of /usr/share/hello is missing", self.refused()[0])
