"""What the built-in gates refuse in real images, and how each is approved or mended and then published.

One image carries several faults where that can be, because every compose takes its time.
"""

from __future__ import annotations

import gzip
import json
import platform
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cpio import archive
from tests.integration.driver import Lab, Result

STATION = "released"

PROD = "/srv/ostree/rpm-ostree/prod"
WITH_TOOL = ["--data", f"ostree_additional_packages={json.dumps(['hello', 'tool'])}"]
# Several faults of a composed image: a file anybody may write, a masked login screen, and an initramfs without
# ostree and without btrfs, whose programs are what dracut looks for.
BROKEN = {
    "ostree_additional_packages": ["hello", "tool", "break-initramfs"],
    "ostree_exclude_packages": ["btrfs-progs"],
    "ostree_system_packages": ["dracut", "cryptsetup", "lvm2", "bootupd"],
    "ostree_postprocess_commands": [
        "systemctl enable {display_manager}",
        "systemctl mask {display_manager}",
        "touch usr/share/open",
        "chmod 0666 usr/share/open",
    ],
}
KERNEL = f"6.18.0-1.lab.{platform.machine()}"
MODULES = "/usr/lib/modules"
UNITS = "/usr/etc/systemd/system"
# An initramfs that has all there is to have.
INITRAMFS = {
    "usr/lib/ostree/ostree-prepare-root": b"program",
    "usr/sbin/cryptsetup": b"program",
    "usr/sbin/lvm": b"program",
    f"usr/lib/modules/{KERNEL}/kernel/fs/btrfs/btrfs.ko.xz": b"driver",
    f"usr/lib/modules/{KERNEL}/kernel/drivers/md/dm-crypt.ko.xz": b"driver",
}


def initramfs_without(word: str) -> dict[str, bytes]:
    """Return an initramfs behind microcode, packed, and without what has a word in its path."""
    main = archive({path: content for path, content in INITRAMFS.items() if word not in path})
    microcode = archive({"kernel/x86/microcode/GenuineIntel.bin": b"microcode"})
    return {f"{MODULES}/{KERNEL}/initramfs.img": microcode + gzip.compress(main)}


# What is changed in a good image, and the words of the refusal.
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no ostree in the initramfs": (
        {"files": initramfs_without("ostree")},
        f"initramfs of kernel {KERNEL} lacks ostree",
    ),
    "an initramfs that is cut off": (
        {"files": {path: content[:-9] for path, content in initramfs_without("nothing").items()}},
        f"initramfs of kernel {KERNEL} cannot be read: it ends too early",
    ),
    "two kernels": (
        {
            "files": {
                f"{MODULES}/7.0-1/vmlinuz": b"kernel",
                f"{MODULES}/7.0-1/initramfs.img": archive(INITRAMFS),
            }
        },
        f"2 kernels, and only one of them would be started: {KERNEL}, 7.0-1",
    ),
    "a masked display manager": (
        {"links": {f"{UNITS}/plasmalogin.service": "/dev/null"}},
        f"no display manager starts: {UNITS}/plasmalogin.service is a link to /dev/null, which masks it",
    ),
    "no display manager": (
        {"remove": [f"{UNITS}/display-manager.service"]},
        "no display manager starts: there is no display-manager.service",
    ),
    "a display manager that is not there": (
        {"remove": ["/usr/lib/systemd/system/plasmalogin.service"]},
        "no display manager starts: there is no plasmalogin.service",
    ),
}
NOTHING_KEPT = {
    "selinux": False,
    "preserve-passwd": False,
    **{key: {"type": "none"} for key in ("check-passwd", "check-groups")},
}


def composed(lab: Lab, *settings: str) -> dict[str, Any]:
    """Deploy with other settings, compose, and return the new build."""
    lab.pyinfra("deploy.py", "-y", *settings)
    lab.pyinfra("tasks/compose.py", "-y")
    return lab.newest_build()


def refused(lab: Lab, *arguments: str) -> str:
    """Promote what must not go anywhere; return what was said."""
    before = lab.server(f"ostree --repo={PROD} refs --revision | grep -v /candidate/").out
    result = lab.pyinfra("promote.py", "-y", *arguments, check=False)
    assert result.code == 1, result.text
    assert "Traceback" not in result.text
    assert lab.server(f"ostree --repo={PROD} refs --revision | grep -v /candidate/").out == before
    return result.text


def approved(lab: Lab, version: str, reason: str, *arguments: str) -> Result:
    """Approve as the login that may do nothing else."""
    return lab.pyinfra(
        *("tasks/approve.py", "-y", "--limit", "image_servers", "--data", "ssh_user=approver"),
        *("--data", f"version={version}", "--data", f"reason={reason}", *arguments),
    )


@pytest.fixture(scope="module")
def tool(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Both rings have an image with the package tool, whose user has number 901 because machines have it."""
    lab.command("publish", "tool", "5.0", "--user", "tool")
    seed = tmp_path_factory.mktemp("seed") / "accounts"
    seed.write_text(
        "root:x:0:0:root:/root:/bin/bash\nroot:x:0:\ntool:x:901:901::/:/usr/sbin/nologin\ntool:x:901:\n"
        "ann:x:1000:1000::/home/ann:/bin/bash\n"
    )
    composed(lab, *WITH_TOOL, "--data", f"ostree_accounts_file={seed}")
    lab.pyinfra("promote.py", "-y")
    lab.pyinfra("promote.py", "-y", "--data", "ring=stable")
    yield lab
    lab.pyinfra("deploy.py", "-y")


@pytest.fixture(scope="module")
def suspicious(tool: Lab) -> dict[str, Any]:
    """A build with a version of tool that has everything which somebody should look at first."""
    tool.command(
        *("publish", "tool", "5.1", "--setuid", "--file-capability"),
        *("--vendor", "Somebody", "--user", "tool=902"),
    )
    # Its script asks for another number, and gets it where nobody keeps the one that is known.
    return composed(tool, *WITH_TOOL, "--data", f"ostree_treefile_options={json.dumps(NOTHING_KEPT)}")


def test_privileges_vendor_and_a_users_number_need_approval(tool: Lab, suspicious: dict[str, Any]) -> None:
    text = refused(tool)
    for found in (
        "new setuid file /usr/bin/tool-setuid (root, 4755)",
        "new file capabilities /usr/bin/tool-capable",
        "vendor of tool changed",
        "user tool changed from 901 to 902",
    ):
        assert f"gate diff needs approval: {found}" in text
    version = suspicious["version"]
    assert f"tasks/approve.py -y --data version={version} --data reason=WHY" in text
    assert "removed tool" not in text
    assert "new setuid file" in tool.pyinfra("promote.py", "--dry").text, "a plan shows it too"
    denied = tool.ssh(
        "server",
        "sudo -n -u ostree-prod /usr/libexec/ostree-release/promoter approve x --reason y",
        login="promoter",
        check=False,
    )
    assert denied.code != 0
    assert "Approved" in approved(tool, version, "tool needs raw sockets").text
    tool.pyinfra("promote.py", "-y")
    assert tool.tip("pilot")["version"] == version
    entry = [e for e in tool.ask("log")["entries"] if e["event"] == "approved"][-1]
    assert entry["actor"] == "approver", "who approved is what the system knows"


@pytest.fixture(scope="module")
def hotfix(tool: Lab, suspicious: dict[str, Any]) -> str:
    """That build goes to every ring at once, once it is approved for them; what was said before that."""
    through = ["--data", "through=stable", "--data", "reason=CVE-2026-1"]
    said = refused(tool, *through)
    approved(tool, suspicious["version"], "CVE-2026-1", "--data", "through=stable")
    tool.pyinfra("promote.py", "-y", *through)
    return said


def test_a_hotfix_goes_through_every_ring_at_once(tool: Lab, suspicious: dict[str, Any], hotfix: str) -> None:
    assert "gate diff needs approval" in hotfix
    assert tool.tip("stable") == tool.tip("pilot")
    assert tool.tip("stable")["version"] == suspicious["version"]


def test_an_image_that_cannot_boot_is_refused_and_the_next_one_is_not(tool: Lab, hotfix: str) -> None:
    settings = [f"{name}={json.dumps(value)}" for name, value in BROKEN.items()]
    broken = composed(tool, *(word for setting in settings for word in ("--data", setting)))
    text = refused(tool)
    for found in (
        f"fails: initramfs of kernel {KERNEL} lacks ostree",
        f"needs approval: initramfs of kernel {KERNEL} lacks btrfs and cannot mount btrfs: no driver btrfs",
        f"fails: the default target is graphical, and no display manager starts: {UNITS}/plasmalogin.service is",
        "fails: anybody may write to /usr/share/open (0666)",
    ):
        assert f"gate bootable {found}" in text
    assert "lacks crypt" not in text
    assert "lacks lvm" not in text
    assert "--data override=bootable" in text
    tool.pyinfra(
        *("tasks/hold.py", "-y", "--limit", "image_servers", "--data", "ssh_user=approver"),
        *("--data", f"build={broken['version']}", "--data", "reason=cannot boot"),
    )
    assert "is held" in refused(tool, "--data", f"build={broken['version']}")
    assert "cannot boot" in tool.server("ostree-release status").out


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_alone_is_refused(tool: Lab, suspicious: dict[str, Any], hotfix: str, fault: str) -> None:
    changes, words = FAULTS[fault]
    tool.quick_build(tree_of=suspicious["checksum"], **changes)
    refusal = tool.promote(check=False)
    assert refusal.code == 1, refusal.text
    assert "Traceback" not in refusal.text
    assert words in refusal.text
    assert tool.tip("pilot")["version"] == suspicious["version"]


def test_an_initramfs_without_btrfs_is_held_until_it_is_approved(
    tool: Lab, suspicious: dict[str, Any], hotfix: str
) -> None:
    build = tool.quick_build(tree_of=suspicious["checksum"], files=initramfs_without("btrfs"))
    refusal = tool.promote(check=False)
    assert refusal.code == 1, refusal.text
    assert f"gate bootable needs approval: initramfs of kernel {KERNEL} lacks btrfs" in refusal.text
    assert tool.tip("pilot")["version"] == suspicious["version"]
    approved(tool, build["version"], "every root is ext4")
    tool.promote()
    assert tool.tip("pilot")["version"] == build["version"]


def test_a_removed_package_needs_approval_and_damage_is_found(
    tool: Lab, suspicious: dict[str, Any], hotfix: str
) -> None:
    build = tool.quick_build({"hello": "63.1"}, drop=["tool"], tree_of=suspicious["checksum"])
    assert "gate diff needs approval: removed tool 5.1-1.lab" in refused(tool)
    candidate = tool.ask("status")["environments"]["prod"]["candidates"]
    checksum = next(each["checksum"] for each in candidate if each["version"] == build["version"])
    damaged = tool.server(
        f"ostree --repo={PROD} ls -C {checksum} /usr/lib/os-release | awk '{{print $5}}'"
    ).out.strip()
    path = f"{PROD}/objects/{damaged[:2]}/{damaged[2:]}.filez"
    tool.damage(path, "truncate -s -1 ")
    text = tool.server(f"ostree-release check {build['version']}", check=False)
    assert text.code == 1
    assert "complete" in text.out
    assert "damaged" in text.out
    assert "gate complete fails" in refused(tool)
    tool.mend(path)
    approved(tool, build["version"], "nobody uses tool")
    tool.pyinfra("promote.py", "-y")
    assert tool.tip("pilot")["version"] == build["version"]


def test_all_of_it_can_be_proven(tool: Lab) -> None:
    tool.server(f"ostree --repo={PROD} fsck --verify-bindings")
    proven = tool.server("ostree-release verify", check=False)
    assert proven.code == 0, proven.text
    assert "0 findings" in proven.out
