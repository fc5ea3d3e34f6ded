"""The gate `bootable`, on trees that lack one thing each."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ostree_release.gates import bootable
from ostree_release.gates.model import FAIL, PASS, Outcome

from . import images
from .support import File, ServerTest

PACKAGES = {"hello": "1.0-1", "tool": "5.0-1.lab"}
MODULES = f"/usr/lib/modules/{images.KERNEL}"


class BootableTest(ServerTest):
    def judged(self, files: Mapping[str, File], packages: Mapping[str, str] = PACKAGES) -> Outcome:
        """Stage a build with these files and ask the gate."""
        self.server.build("44.1", packages, files=files)
        self.server.json("stage")
        return bootable.judge(images.subject(self.server, "bootable"))

    def assert_fails(self, outcome: Outcome, *lines: str) -> None:
        self.assertEqual([finding.line for finding in outcome.findings], list(lines))
        self.assertEqual(outcome.answer, FAIL)
        self.assertEqual(outcome.line, lines[0])

    def test_a_whole_tree_passes(self) -> None:
        outcome = self.judged(images.bootable(PACKAGES))
        self.assertEqual(outcome.findings, ())
        self.assertEqual(outcome.answer, PASS)
        self.assertEqual(outcome.line, f"kernel {images.KERNEL}, 2 packages, everything in its place")
        self.assertEqual(outcome.data, {"kernels": [images.KERNEL], "packages": 2, "selinux": False})

    def test_without_a_kernel(self) -> None:
        files = images.without(images.bootable(PACKAGES), f"{MODULES}/vmlinuz")
        self.assert_fails(
            self.judged(files), "no kernel: there is no /usr/lib/modules/VERSION/vmlinuz with content"
        )

    def test_without_an_initramfs(self) -> None:
        files = {**images.bootable(PACKAGES), f"{MODULES}/initramfs.img": File(b"")}
        line = f"no initramfs for kernel {images.KERNEL}: {MODULES}/initramfs.img is missing or empty"
        self.assert_fails(self.judged(files), line)

    def test_without_os_release(self) -> None:
        files = images.without(images.bootable(PACKAGES), "/usr/lib/os-release")
        line = "no os-release: neither /usr/lib/os-release nor /usr/etc/os-release has content"
        self.assert_fails(self.judged(files), line)

    def test_os_release_without_a_name(self) -> None:
        files = {**images.bootable(PACKAGES), "/usr/lib/os-release": File(b"NAME=Fedora\n")}
        self.assert_fails(self.judged(files), "os-release names no system: it has no line ID=")

    def test_without_a_database(self) -> None:
        files = images.without(images.bootable(PACKAGES), "/usr/share/rpm/rpmdb.sqlite")
        line = "rpm database: no rpm database in /usr/share/rpm or /usr/lib/sysimage/rpm"
        self.assert_fails(self.judged(files), line)

    def test_a_damaged_database(self) -> None:
        files = {**images.bootable(PACKAGES), "/usr/share/rpm/rpmdb.sqlite": File(b"SQLite format 3\0" * 999)}
        outcome = self.judged(files)
        self.assertEqual([finding.id for finding in outcome.findings], ["rpmdb"])
        self.assertIn("rpm cannot read it", outcome.line)

    def test_the_database_is_read_with_its_write_ahead_log(self) -> None:
        files = images.bootable(PACKAGES)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rpmdb.sqlite"
            path.write_bytes(files["/usr/share/rpm/rpmdb.sqlite"].content)
            database = sqlite3.connect(path, isolation_level=None)
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("DELETE FROM Packages WHERE hnum = (SELECT max(hnum) FROM Packages)")
            written = {each.name: each.read_bytes() for each in Path(folder).iterdir()}
            database.close()
        self.assertGreater(len(written["rpmdb.sqlite-wal"]), 0)
        files.update({f"/usr/share/rpm/{name}": File(content) for name, content in written.items()})
        outcome = self.judged(files)
        self.assertEqual(outcome.data["packages"], 1)

    def test_the_commit_lists_other_packages_than_the_database(self) -> None:
        files = images.bootable({"hello": "1.0-1"})
        self.assert_fails(
            self.judged(files),
            "the rpm database has 1 packages, but the commit lists 2: 1 are not the same, tool for one",
        )

    def test_labels_that_the_treefile_asked_for(self) -> None:
        asked = {**images.bootable(PACKAGES), "/usr/share/rpm-ostree/treefile.json": File(b"{}")}
        # build() has a file for each package of its own
        files = images.labelled({**asked, **{f"/usr/share/{name}": File(b"x") for name in PACKAGES}})
        self.assertEqual(self.judged(files).findings, ())
        tool = File(b"x", 0o755)
        self.assert_fails(
            self.judged({**files, "/usr/bin/tool": tool}),
            "2 files in /usr have no SELinux label, /usr/bin for one",
        )

    def test_labels_that_a_policy_in_the_tree_asks_for(self) -> None:
        files = images.without(images.bootable(PACKAGES), "/usr/share/rpm-ostree/treefile.json")
        self.assertFalse(self.judged(files).data["selinux"])
        outcome = self.judged({**files, "/usr/etc/selinux/targeted/policy/policy.33": File(b"policy")})
        self.assertTrue(outcome.data["selinux"])
        self.assertIn("have no SELinux label", outcome.line)

    def test_a_second_etc(self) -> None:
        files = {**images.bootable(PACKAGES), "/etc/motd": File(b"hello")}
        self.assert_fails(self.judged(files), "there is an /etc: a deployment makes it from /usr/etc")

    def test_without_usr_etc(self) -> None:
        files = images.without(images.bootable(PACKAGES), "/usr/etc/os-release")
        line = "there is no /usr/etc, so a deployment would have an empty /etc"
        self.assert_fails(self.judged(files), line)

    def test_what_anybody_may_write(self) -> None:
        files = {
            **images.bootable(PACKAGES),
            "/usr/bin/open": File(b"x", 0o777),
            "/usr/lib/drop": File(mode=0o757, directory=True),
            "/usr/lib/sticky": File(mode=0o1777, directory=True),
        }
        self.assert_fails(
            self.judged(files),
            "anybody may write to /usr/bin/open (0777)",
            "anybody may write to /usr/lib/drop (0757)",
        )
