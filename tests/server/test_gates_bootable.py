"""The gate `bootable`, on trees that lack one thing each."""

from __future__ import annotations

import gzip
import lzma
import sqlite3
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ostree_release.answers import FAIL, NEEDS_APPROVAL, PASS, WARN, Outcome
from ostree_release.gates import bootable
from tests.cpio import archive

from . import images
from .support import File, ServerTest

PACKAGES = {"hello": "1.0-1", "tool": "5.0-1.lab"}
MODULES, UNITS = images.MODULES, images.UNITS
ETC_UNITS = "/usr/etc/systemd/system"
SCREEN = f"{ETC_UNITS}/display-manager.service"
SELINUX = {
    "/usr/etc/selinux/config": File(b"# comment\nSELINUX=enforcing\nSELINUXTYPE=targeted\n"),
    "/usr/etc/selinux/targeted/policy/policy.33": File(b"policy"),
    "/usr/sbin/semodule": File(b"program", 0o755),
}


class BootableTest(ServerTest):
    def judged(
        self, files: Mapping[str, File], packages: Mapping[str, str] = PACKAGES, **options: str
    ) -> Outcome:
        """Stage a build with these files and ask the gate."""
        self.server.build("44.1", packages, files=files)
        self.server.json("stage")
        return bootable.judge(images.subject(self.server, "bootable", **options))

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

    def initramfs(self, content: bytes, **more: File) -> dict[str, File]:
        """Return the files of an image that has this initramfs."""
        return {**images.bootable(PACKAGES), f"{MODULES}/initramfs.img": File(content), **more}

    def lacking(self, *words: str) -> bytes:
        """Return an initramfs without the files whose paths have one of these words."""
        kept = images.INITRAMFS.items()
        return archive({path: data for path, data in kept if not any(word in path for word in words)})

    def test_an_initramfs_without_ostree(self) -> None:
        line = (
            f"initramfs of kernel {images.KERNEL} lacks ostree: without usr/lib/ostree/ostree-prepare-root "
            "no deployment is started"
        )
        self.assert_fails(self.judged(self.initramfs(gzip.compress(self.lacking("ostree")))), line)

    def test_what_an_initramfs_may_lack_needs_approval(self) -> None:
        microcode = archive({"kernel/x86/microcode/AuthenticAMD.bin": b"x"})
        content = microcode + lzma.compress(self.lacking("btrfs", "crypt", "lvm"))
        outcome = self.judged(self.initramfs(content))
        which = f"initramfs of kernel {images.KERNEL} lacks"
        self.assertEqual(
            [(finding.id, finding.answer, finding.line) for finding in outcome.findings],
            [
                ("initramfs:btrfs", NEEDS_APPROVAL, f"{which} btrfs and cannot mount btrfs: no driver btrfs"),
                (
                    "initramfs:crypt",
                    NEEDS_APPROVAL,
                    f"{which} crypt and cannot open LUKS: no driver dm_crypt, "
                    "no program systemd-cryptsetup or cryptsetup",
                ),
                ("initramfs:lvm", NEEDS_APPROVAL, f"{which} lvm and cannot find LVM: no program lvm"),
            ],
        )

    def test_what_an_initramfs_may_lack_is_the_administrators_to_say(self) -> None:
        files = self.initramfs(self.lacking("btrfs", "crypt", "lvm"))
        outcome = self.judged(files, btrfs="pass", crypt="fail", lvm="warn")
        self.assertEqual(
            [(finding.id, finding.answer) for finding in outcome.findings],
            [("initramfs:crypt", FAIL), ("initramfs:lvm", WARN)],
        )
        self.assertIn("lacks crypt", outcome.line)

    def test_drivers_that_are_built_into_the_kernel(self) -> None:
        builtin = b"kernel/fs/btrfs/btrfs.ko\nkernel/drivers/md/dm-crypt.ko\nkernel/drivers/md/dm-mod.ko\n"
        files = {**self.initramfs(self.lacking(".ko")), f"{MODULES}/modules.builtin": File(builtin)}
        self.assertEqual(self.judged(files).findings, ())

    def test_drivers_of_another_kernel(self) -> None:
        moved = {path.replace(images.KERNEL, "5.0-1"): content for path, content in images.INITRAMFS.items()}
        outcome = self.judged(self.initramfs(archive(moved)))
        self.assertEqual(
            [finding.id for finding in outcome.findings],
            [f"initramfs:kernel:{images.KERNEL}", "initramfs:btrfs", "initramfs:crypt"],
        )
        self.assertEqual(
            outcome.line, f"initramfs of kernel {images.KERNEL} has drivers of another one: 5.0-1"
        )

    def test_an_initramfs_that_is_none(self) -> None:
        line = (
            f"initramfs of kernel {images.KERNEL} cannot be read: "
            "it has b'lab in' where a cpio archive or a compressed one has to begin"
        )
        self.assert_fails(self.judged(self.initramfs(b"lab initramfs")), line)
        cut = gzip.compress(archive(images.INITRAMFS))[:-20]
        self.assert_fails(
            self.judged(self.initramfs(cut)),
            f"initramfs of kernel {images.KERNEL} cannot be read: it ends too early",
        )

    def test_an_initramfs_that_is_not_read_here(self) -> None:
        outcome = self.judged(self.initramfs(b"\x02\x21\x4c\x18" + b"x" * 99))
        self.assertEqual(outcome.answer, NEEDS_APPROVAL)
        self.assertIn("is compressed by lz4, which is not read here", outcome.line)

    def test_two_kernels(self) -> None:
        files = images.bootable(PACKAGES)
        for name in ("vmlinuz", "initramfs.img"):
            files[f"/usr/lib/modules/7/{name}"] = files[f"{MODULES}/{name}"]
        outcome = self.judged(files)
        line = f"2 kernels, and only one of them would be started: {images.KERNEL}, 7"
        self.assertIn(
            ("kernels", FAIL, line), [(each.id, each.answer, each.line) for each in outcome.findings]
        )

    def test_no_display_manager(self) -> None:
        files = images.without(images.bootable(PACKAGES), SCREEN)
        line = (
            "the default target is graphical, and no display manager starts: "
            f"there is no display-manager.service in {ETC_UNITS} or {UNITS}"
        )
        self.assert_fails(self.judged(files), line)
        self.assertEqual(self.judged(files, display_manager="warn").answer, WARN)
        self.assertEqual(self.judged(files, display_manager="pass").findings, ())

    def test_a_display_manager_that_does_not_start(self) -> None:
        files = {**images.bootable(PACKAGES), f"{ETC_UNITS}/plasmalogin.service": File(link="/dev/null")}
        line = (
            "the default target is graphical, and no display manager starts: "
            f"{ETC_UNITS}/plasmalogin.service is a link to /dev/null, which masks it"
        )
        self.assert_fails(self.judged(files), line)

    def test_two_display_managers(self) -> None:
        more = {
            f"{UNITS}/sddm.service": File(b"[Service]\n"),
            f"{UNITS}/display-manager.service": File(link="sddm.service"),
        }
        which = "plasmalogin.service and sddm.service"
        self.assert_fails(
            self.judged({**images.bootable(PACKAGES), **more}),
            f"display-manager.service is {which}, and only one of them would start",
        )

    def test_where_the_target_is_not_graphical_nobody_asks_for_a_display_manager(self) -> None:
        files = images.without(images.bootable(PACKAGES), SCREEN)
        files[f"{UNITS}/multi-user.target"] = File(b"[Unit]\n")
        files[f"{ETC_UNITS}/default.target"] = File(link=f"{UNITS}/multi-user.target")
        self.assertEqual(self.judged(files).findings, ())
        files[f"{ETC_UNITS}/default.target"] = File(link=f"{UNITS}/runlevel5.target")
        files[f"{UNITS}/runlevel5.target"] = File(link="graphical.target")
        self.assertIn("no display manager starts", self.judged(files).line)

    def test_a_default_target_that_does_not_start(self) -> None:
        files = images.without(images.bootable(PACKAGES), f"{UNITS}/graphical.target")
        fault = f"there is no graphical.target in {ETC_UNITS} or {UNITS}"
        self.assert_fails(self.judged(files), f"systemd has no default target to start: {fault}")
        files = {**images.bootable(PACKAGES), f"{ETC_UNITS}/default.target": File(link="/dev/null")}
        fault = f"{ETC_UNITS}/default.target is a link to /dev/null, which masks it"
        self.assert_fails(self.judged(files), f"systemd has no default target to start: {fault}")

    def test_no_boot_loaders_tool(self) -> None:
        files = images.without(images.bootable(PACKAGES), "/usr/bin/bootupctl")
        self.assert_fails(
            self.judged(files),
            "no boot loader's tool in /usr/bin or /usr/sbin: "
            "none of bootupctl, grub2-install, grub2-mkconfig, grub-install, grub-mkconfig",
        )
        self.assertEqual(self.judged(files, bootloader="pass").findings, ())
        tool = {"/usr/sbin/grub2-mkconfig": File(b"program", 0o755)}
        self.assertEqual(self.judged({**files, **tool}).findings, ())

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
        asked = {
            **images.bootable(PACKAGES),
            **SELINUX,
            "/usr/share/rpm-ostree/treefile.json": File(b"{}"),
        }
        # build() has a file for each package of its own
        files = images.labelled({**asked, **{f"/usr/share/{name}": File(b"x") for name in PACKAGES}})
        self.assertEqual(self.judged(files).findings, ())
        tool = File(b"x", 0o755)
        self.assert_fails(
            self.judged({**files, "/usr/libexec/tool": tool}),
            "2 files in /usr have no SELinux label, /usr/libexec for one",
        )

    def test_labels_that_a_policy_in_the_tree_asks_for(self) -> None:
        files = images.without(images.bootable(PACKAGES), "/usr/share/rpm-ostree/treefile.json")
        self.assertFalse(self.judged(files).data["selinux"])
        outcome = self.judged({**files, **SELINUX})
        self.assertTrue(outcome.data["selinux"])
        self.assertIn("have no SELinux label", outcome.line)

    def test_selinux_without_what_it_needs(self) -> None:
        """Only of an image that is to have labels: a treefile may say `selinux: false`."""
        asked = {"/usr/share/rpm-ostree/treefile.json": File(b"{}")}
        config, policy, semodule = SELINUX
        no_semodule = "no semodule in /usr/bin or /usr/sbin: the SELinux policy cannot be changed"
        why = "systemd does not start where SELinux is enforcing"
        no_policy = f"no SELinux policy in /usr/etc/selinux/{{}}/policy: {why}"
        for changes, lines in (
            (images.without(SELINUX, semodule), [no_semodule]),
            (images.without(SELINUX, policy), [no_policy.format("targeted")]),
            ({**SELINUX, policy: File(b"")}, [no_policy.format("targeted")]),
            ({**SELINUX, config: File(b"SELINUXTYPE=mls\n")}, [no_policy.format("mls")]),
            ({}, [no_semodule, no_policy.format("*")]),
            (images.without(SELINUX, config), []),
        ):
            with self.subTest(lines):
                files = {**images.bootable(PACKAGES), **asked, **changes}
                found = [
                    each.line for each in self.judged(files).findings if "no SELinux label" not in each.line
                ]
                self.assertEqual(found, lines)
        outcome = self.judged({**images.bootable(PACKAGES), **asked}, selinux="pass")
        self.assertEqual([each.id.partition(":")[0] for each in outcome.findings], ["unlabelled"])

    def test_a_second_etc(self) -> None:
        files = {**images.bootable(PACKAGES), "/etc/motd": File(b"hello")}
        self.assert_fails(self.judged(files), "there is an /etc: a deployment makes it from /usr/etc")

    def test_without_usr_etc(self) -> None:
        files = images.without(images.bootable(PACKAGES), "/usr/etc/os-release", SCREEN)
        files[f"{UNITS}/display-manager.service"] = File(link="plasmalogin.service")
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
