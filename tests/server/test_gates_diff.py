"""The gate `diff`: each of its rules made to find something in what a real repository has."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Mapping
from dataclasses import replace
from unittest import mock

from gi.repository import GLib

from ostree_release.answers import FAIL, NEEDS_APPROVAL, PASS, WARN, Outcome
from ostree_release.gates import diff

from . import images, support
from .support import DEV, STABLE, File, ServerTest

METADATA = support.metadata
PACKAGES = {"hello": "2.0-1", "tool": "5.0-1.lab"}
TOOL = "/usr/bin/tool"
NET_RAW = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)


def without_packages(version: str, packages: Mapping[str, str]) -> GLib.Variant:
    """Return the metadata of a commit that lists no packages."""
    metadata = GLib.VariantDict.new(METADATA(version, packages))
    metadata.remove("rpmostree.rpmdb.pkglist")
    return metadata.end()


class DiffTest(ServerTest):
    def release(
        self, packages: Mapping[str, str] = PACKAGES, files: Mapping[str, File] | None = None
    ) -> None:
        """Put the first image into the pilot ring."""
        self.built("44.1", packages, {**images.bootable(packages), **(files or {})})
        self.server.json("promote")

    def built(self, version: str, packages: Mapping[str, str], files: Mapping[str, File]) -> None:
        """Make a build, and keep where its packages came from, as a compose does."""
        build = self.server.build(version, packages, files=files)
        self.kept(build, {f"{name}-{evr}.x86_64": "lab" for name, evr in packages.items()})

    def kept(self, build: str, origins: Mapping[str, str]) -> None:
        folder = self.server.state / "origins/dev"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{build}.json").write_text(json.dumps(origins), encoding="utf-8")

    def judged(self, packages: Mapping[str, str], files: Mapping[str, File]) -> Outcome:
        """Stage the next build and ask the gate."""
        self.built("44.2", packages, files)
        self.server.json("stage")
        return diff.judge(images.subject(self.server, "diff"))

    def assert_finds(self, outcome: Outcome, answer: str, identifier: str, line: str) -> None:
        found = [(each.answer, each.id, each.line) for each in outcome.findings]
        self.assertEqual(found, [(answer, identifier, line)])
        self.assertEqual(outcome.answer, answer)

    def test_a_ring_without_a_release_has_nothing_to_compare_with(self) -> None:
        self.server.build("44.1", PACKAGES)
        self.server.json("stage")
        outcome = diff.judge(images.subject(self.server, "diff"))
        self.assertEqual(outcome.answer, PASS)
        self.assertEqual(outcome.line, "ring pilot has no release yet: nothing to compare with")

    def test_an_upgrade_passes(self) -> None:
        self.release()
        newer = {**PACKAGES, "hello": "3.0-1"}
        outcome = self.judged(newer, images.bootable(newer))
        self.assertEqual(outcome.findings, ())
        self.assertIn("against 44.1: 1 packages upgraded, nothing that a rule is about", outcome.line)
        self.assertNotIn("not compared", outcome.line)
        self.assertEqual(
            outcome.data["packages"]["upgraded"], [{"name": "hello", "old": "2.0-1", "new": "3.0-1"}]
        )
        json.dumps(outcome.data)

    def test_packages_added_removed_and_downgraded(self) -> None:
        self.release()
        other = {"hello": "1.0-1", "new": "1-1"}
        outcome = self.judged(other, images.bootable(other))
        self.assertEqual(
            [(each.answer, each.id, each.line) for each in outcome.findings],
            [
                (NEEDS_APPROVAL, "removed:tool-5.0-1.lab.x86_64", "removed tool 5.0-1.lab"),
                (NEEDS_APPROVAL, "downgraded:hello-2.0-1.x86_64:1.0-1", "downgraded hello 2.0-1 -> 1.0-1"),
                (WARN, "added:new-1-1.x86_64", "added new 1-1"),
            ],
        )
        allowed = dict.fromkeys(("added", "removed", "downgraded"), PASS)
        again = diff.judge(images.subject(self.server, "diff", **allowed))
        self.assertEqual(again.findings, ())

    def test_another_vendor(self) -> None:
        self.release()
        files = images.bootable(PACKAGES, {"hello": "Somebody Else"})
        self.assert_finds(
            self.judged(PACKAGES, files),
            NEEDS_APPROVAL,
            "vendor:hello.x86_64:nobody:Somebody Else",
            "vendor of hello changed from nobody to Somebody Else",
        )

    def test_what_cannot_be_compared_has_the_answer_of_its_rule(self) -> None:
        self.release()
        with mock.patch.object(support, "metadata", without_packages):
            self.judged(PACKAGES, {"/usr/share/x": File(b"")})
        shutil.rmtree(self.server.state / "origins")
        outcome = diff.judge(images.subject(self.server, "diff"))
        self.assertEqual(
            [(each.answer, each.id) for each in outcome.findings],
            [
                (NEEDS_APPROVAL, "removed:not-compared"),
                (NEEDS_APPROVAL, "vendor:not-compared"),
                (WARN, "repository:not-compared"),
            ],
        )
        self.assertIn("packages not compared: a commit lists no packages", outcome.line)
        self.assertIn("package repositories not compared: not kept", outcome.line)
        off = diff.judge(
            images.subject(self.server, "diff", **dict.fromkeys(("removed", "vendor", "repository"), PASS))
        )
        self.assertEqual(off.findings, ())

    def test_another_package_repository(self) -> None:
        self.release()
        first = self.server.refs(self.server.dev)[DEV]
        newer = {**PACKAGES, "hello": "3.0-1"}
        self.judged(newer, images.bootable(newer))
        second = self.server.refs(self.server.dev)[DEV]
        self.kept(first, {"hello-2.0-1.x86_64": "fedora", "tool-5.0-1.lab.x86_64": "lab"})
        self.kept(second, {"hello-3.0-1.x86_64": "updates", "tool-5.0-1.lab.x86_64": "lab"})
        outcome = diff.judge(images.subject(self.server, "diff"))
        self.assertEqual(outcome.findings, ())
        self.assertNotIn("not compared", outcome.line)
        self.assertEqual(
            outcome.data["repositories"], [{"name": "hello.x86_64", "old": "fedora", "new": "updates"}]
        )
        strict = diff.judge(images.subject(self.server, "diff", same_repositories=[]))
        self.assert_finds(
            strict,
            WARN,
            "repository:hello.x86_64:fedora:updates",
            "package repository of hello changed from fedora to updates",
        )

    def test_kernel_and_boot_loader(self) -> None:
        old = {"kernel-core": "6.14.0-63", "shim-x64": "15.8-3"}
        self.release(old)
        new = {"kernel-core": "6.15.0-1", "shim-x64": "16-1"}
        outcome = self.judged(new, images.bootable(new))
        self.assertEqual(
            [(each.answer, each.id, each.line) for each in outcome.findings],
            [
                (
                    NEEDS_APPROVAL,
                    "bootloader:shim-x64.x86_64:15.8-3:16-1",
                    "boot loader shim-x64 15.8-3 -> 16-1",
                ),
                (
                    WARN,
                    "kernel:kernel-core.x86_64:6.14.0-63:6.15.0-1",
                    "kernel kernel-core 6.14.0-63 -> 6.15.0-1",
                ),
            ],
        )

    def test_a_new_setuid_file_is_read_from_the_repository(self) -> None:
        self.release(files={TOOL: File(b"x", 0o755)})
        tree = images.bootable(PACKAGES)
        self.assert_finds(
            self.judged(PACKAGES, {**tree, TOOL: File(b"x", 0o4755)}),
            NEEDS_APPROVAL,
            "privileges:/usr/bin/tool:setuid:root:4755",
            "new setuid file /usr/bin/tool (root, 4755)",
        )
        self.assert_finds(
            self.judged(PACKAGES, {**tree, TOOL: File(b"x", 0o2755, gid=5)}),
            NEEDS_APPROVAL,
            "privileges:/usr/bin/tool:setgid:root:tty:2755",
            "new setgid file /usr/bin/tool (root:tty, 2755)",
        )
        folder = File(mode=0o2755, directory=True)
        self.assertEqual(self.judged(PACKAGES, {**tree, TOOL: File(b"x"), "/usr/d": folder}).findings, ())

    def test_a_setuid_file_that_was_there_may_change_but_not_its_owner(self) -> None:
        self.release(files={TOOL: File(b"x", 0o4755)})
        tree = images.bootable(PACKAGES)
        self.assertEqual(self.judged(PACKAGES, {**tree, TOOL: File(b"yy", 0o4755)}).findings, ())
        self.assert_finds(
            self.judged(PACKAGES, {**tree, TOOL: File(b"x", 0o4755, uid=901)}),
            NEEDS_APPROVAL,
            "privileges:/usr/bin/tool:setuid:tool:4755",
            "setuid file /usr/bin/tool changed from root, 4755 to tool, 4755",
        )

    def test_new_file_capabilities(self) -> None:
        self.release(files={TOOL: File(b"x", 0o755)})
        file = File(b"x", 0o755, xattrs={"security.capability": NET_RAW})
        self.assert_finds(
            self.judged(PACKAGES, {**images.bootable(PACKAGES), TOOL: file}),
            NEEDS_APPROVAL,
            "privileges:/usr/bin/tool:capabilities:cap_net_raw=ep",
            "new file capabilities /usr/bin/tool (cap_net_raw=ep)",
        )

    def test_a_user_and_a_group_with_another_number(self) -> None:
        self.release(files={"/usr/lib/sysusers.d/a.conf": File(b"u fixed 310 - /\n")})
        files = {
            **images.bootable(PACKAGES),
            "/usr/lib/passwd": File(images.PASSWD.replace("901", "902").encode()),
            "/usr/lib/sysusers.d/a.conf": File(b"u fixed 311:tool - /\n"),
        }
        outcome = self.judged(PACKAGES, files)
        self.assertEqual(
            [(each.answer, each.id, each.line) for each in outcome.findings[1:]],
            [
                (NEEDS_APPROVAL, "accounts:user:fixed:310:311", "user fixed changed from 310 to 311"),
                (NEEDS_APPROVAL, "accounts:user:tool:901:902", "user tool changed from 901 to 902"),
            ],
        )

        self.assertEqual(outcome.findings[0].id, "accounts:missing:fixed", "a number alone makes nobody")

    def test_who_is_declared_in_sysusers_has_an_entry(self) -> None:
        """Also in a ring's first release, which is compared with nothing."""
        declared = {
            **images.bootable(PACKAGES),
            "/usr/lib/sysusers.d/svc.conf": File(b'u! svc - "A service"\ng tool -\nm tool many\n'),
            "/usr/lib/sysusers.d/hidden.conf": File(b"u hidden -\n"),
            "/usr/etc/sysusers.d/hidden.conf": File(link="/dev/null"),
            "/usr/lib/sysusers.d/no.txt": File(b"u no -\n"),
        }
        why = "rpm-ostree older than 2025.7, or no systemd-sysusers on this server"
        lacks = f"of /usr/lib/sysusers.d/svc.conf has no entry in passwd or group: {why}"
        expected = [(FAIL, f"accounts:missing:{name}", f"{name} {lacks}") for name in ("many", "svc")]
        first = self.judged(PACKAGES, declared)
        self.assertEqual([(each.answer, each.id, each.line) for each in first.findings], expected)
        self.assertIn(why, first.line)
        self.assertEqual(diff.judge(images.subject(self.server, "diff", accounts=PASS)).findings, ())
        whole = {
            **declared,
            "/usr/lib/passwd": File(f"{images.PASSWD}svc:x:990:990::/:/sbin/nologin\n".encode()),
            "/usr/lib/group": File(b"many:x:989:\nsvc:x:990:\ntool:x:901:\n"),
        }
        self.assertEqual(self.judged(PACKAGES, whole).findings, ())
        self.server.json("promote")
        self.built("44.3", PACKAGES, {**whole, "/usr/lib/sysusers.d/b.conf": File(b"g brand-new -\n")})
        self.server.json("stage")
        later = diff.judge(images.subject(self.server, "diff"))
        self.assertEqual([each.id for each in later.findings], ["accounts:missing:brand-new"])

    def test_growth(self) -> None:
        self.release()
        outcome = self.judged(PACKAGES, {**images.bootable(PACKAGES), "/usr/big": File(b"x" * 4_000_000)})
        (found,) = outcome.findings
        size = outcome.data["size"]
        self.assertEqual(size["new"] - size["old"], 4_000_000)
        self.assertEqual((found.answer, found.id), (NEEDS_APPROVAL, f"growth:{size['old']}:{size['new']}"))
        self.assertRegex(found.line, r"^grew by \d+ % \([0-9.]+ KiB -> [0-9.]+ MiB\)$")
        self.assertEqual(diff.judge(images.subject(self.server, "diff", growth_percent=10_000)).findings, ())

    def test_the_line_names_the_first_findings_and_counts_the_others(self) -> None:
        many = {f"p{number}": "1-1" for number in range(6)}
        self.release(many)
        kept = {"p5": "1-1"}
        outcome = self.judged(kept, images.bootable(kept))
        self.assertEqual(len(outcome.findings), 5)
        self.assertIn("removed p0 1-1; removed p1 1-1; removed p2 1-1; and 2 more", outcome.line)

    def test_later_rings_are_compared_with_what_they_have(self) -> None:
        self.release()
        self.server.json("promote", "--ring", "stable")
        newer = {**PACKAGES, "hello": "3.0-1"}
        self.judged(newer, images.bootable(newer))
        self.server.json("promote")
        last = {"hello": "3.0-1"}
        self.built("44.3", last, images.bootable(last))
        self.server.json("promote")
        subject = images.subject(self.server, "diff", "stable")
        self.assertIn("removed tool", diff.judge(subject).line)
        self.assertEqual(
            diff.judge(
                replace(subject, seen=replace(subject.seen, refs={STABLE: subject.candidate.checksum}))
            ).findings,
            (),
        )
