"""Promotion as a client and an auditor see it, through independent programs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.conftest import new_build, newest_build, release, ring
from tests.integration.driver import Lab

BASE = "/srv/ostree/rpm-ostree"
DEV, PROD = f"{BASE}/dev", f"{BASE}/prod"
HOME = "fedora/x86_64/kinoite"
KEYS = (
    "rpmostree.rpmdb.pkglist",
    "rpmostree.inputhash",
    "rpmostree.rpmmd-repos",
    "ostree.linux",
    "ostree.bootable",
)


def metadata(lab: Lab, repository: str, checksum: str, key: str) -> str:
    """Read one metadata value of a commit with ostree, byte order untouched."""
    return lab.server(f"ostree --repo={repository} show -B --print-metadata-key={key} {checksum}").out.strip()


def root_tree(lab: Lab, repository: str, checksum: str) -> str:
    """Return the content checksum that ostree shows for a commit."""
    shown = lab.server(f"ostree --repo={repository} show {checksum}").out
    return next(line.split()[1] for line in shown.splitlines() if line.startswith("ContentChecksum:"))


def history(lab: Lab, ref: str) -> list[str]:
    """Return the checksums that `ostree log` lists for a ref, newest first."""
    lines = lab.server(f"ostree --repo={PROD} log {ref}").out.splitlines()
    return [line.split()[1] for line in lines if line.startswith("commit ")]


def test_a_release_is_the_build_with_another_name_on_it(deployed: Lab, first_release: dict[str, Any]) -> None:
    released = first_release["checksum"]
    build = metadata(deployed, PROD, released, "release.build").strip("'")
    assert build == newest_build(deployed)["checksum"] != released
    assert root_tree(deployed, PROD, released) == root_tree(deployed, DEV, build)
    for key in KEYS:
        assert metadata(deployed, PROD, released, key) == metadata(deployed, DEV, build, key), key
    binding = metadata(deployed, PROD, released, "ostree.ref-binding")
    for bound in ("pilot", "stable", f"releases/{first_release['version']}"):
        assert f"'{HOME}/{bound}'" in binding
    deployed.server(f"ostree --repo={PROD} fsck --verify-bindings")


def test_a_second_version_takes_the_same_road(deployed: Lab, first_release: dict[str, Any]) -> None:
    old = ring(deployed, "stable")
    assert old is not None
    build = new_build(deployed, "hello", "2.0")
    pilots = ring(deployed, "pilot")
    plan = deployed.pyinfra("promote.py", "--dry")
    assert "hello" in plan.text
    assert ring(deployed, "pilot") == pilots
    done = deployed.pyinfra("promote.py", "-y")
    pilot = ring(deployed, "pilot")
    assert pilot is not None
    assert pilot["version"] == build["version"]
    assert pilot["version"] in done.text
    assert "ring=stable" in done.text, "it does not say what to type next"
    assert ring(deployed, "stable") == old
    deployed.pyinfra("promote.py", "-y", "--data", "ring=stable")
    assert ring(deployed, "stable") == pilot
    assert history(deployed, f"{HOME}/stable")[0] == pilot["checksum"]
    assert old["checksum"] in history(deployed, f"{HOME}/stable")
    assert int(pilot["serial"]) > int(old["serial"])
    deployed.server(f"ostree --repo={PROD} fsck --verify-bindings")


def test_no_candidate_and_no_dev_ref_is_left_in_prod(deployed: Lab, first_release: dict[str, Any]) -> None:
    refs = deployed.server(f"ostree --repo={PROD} refs").out.split()
    assert not [ref for ref in refs if "/candidate/" in ref or ref.endswith("/dev")]
    served = deployed.server(
        f"curl -sS --cacert {BASE}/keys/ca.crt -o /tmp/s https://images.lab:8443/repo/kinoite/prod/summary && ostree --repo={PROD} summary -v"
    ).out
    assert "candidate" not in served


def test_again_without_anything_new_changes_nothing(deployed: Lab, first_release: dict[str, Any]) -> None:
    before = deployed.server(f"cd {PROD}; find . -type f -printf '%p %T@\\n' | sort | sha256sum").out
    refs = deployed.server(f"ostree --repo={PROD} refs --revision").out
    for arguments in ([], ["--data", "ring=stable"]):
        result = deployed.pyinfra("promote.py", "-y", "--json", *arguments)
        assert [op["name"] for op in json.loads(result.out)["results"]["operations"] if op["success"]] == []
    assert deployed.server(f"ostree --repo={PROD} refs --revision").out == refs
    assert deployed.server(f"cd {PROD}; find . -type f -printf '%p %T@\\n' | sort | sha256sum").out == before


@pytest.mark.parametrize("lost", ["summary", "signature", "release ref"])
def test_what_an_interruption_left_is_repaired(
    deployed: Lab, first_release: dict[str, Any], lost: str
) -> None:
    tip = ring(deployed, "pilot")
    assert tip is not None
    checksum, version = tip["checksum"], tip["version"]
    break_it, look = {
        "summary": (f"rm {PROD}/summary", f"ostree --repo={PROD} summary -v | grep {checksum}"),
        "signature": (
            f"rm {PROD}/objects/{checksum[:2]}/{checksum[2:]}.commitmeta",
            f"ostree --repo={PROD} show --print-detached-metadata-key=ostree.gpgsigs {checksum}",
        ),
        "release ref": (
            f"rm {PROD}/refs/heads/{HOME}/releases/{version}",
            f"ostree --repo={PROD} rev-parse {HOME}/releases/{version}",
        ),
    }[lost]
    deployed.server(look)
    deployed.server(break_it)
    assert deployed.server(look, check=False).code != 0
    result = deployed.pyinfra("promote.py", "-y")
    deployed.server(look)
    assert "repair" in result.text.lower()
    assert ring(deployed, "pilot") == tip


REFUSALS = {
    "a build that does not exist": (["build=44.19990101.0"], "44.19990101.0"),
    "a checksum that does not exist": (["build=" + "ab" * 32], "abab"),
    "a ring that does not exist": (["ring=nightly"], "nightly"),
    "an environment that does not exist": (["to=production"], "production"),
    "an environment that is composed": (["to=dev"], "dev"),
    "a build for a later ring": (["ring=stable", "build=44.20200101.0"], "build"),
    "a number where a version is due": (["build=44.20250106"], "build"),
    "an unknown argument": (["bild=44.20250106.0"], "build"),
    "a version with a slash": (["build=../../etc"], "build"),
    "an option in disguise": (["build=--help"], "build"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_bad_argument_is_one_clear_error(deployed: Lab, first_release: dict[str, Any], case: str) -> None:
    data, named = REFUSALS[case]
    before = deployed.server(f"ostree --repo={PROD} refs --revision").out
    arguments = [part for pair in data for part in ("--data", pair)]
    result = deployed.pyinfra("promote.py", "-y", *arguments, check=False)
    assert result.code != 0
    assert named in result.text
    assert "Traceback" not in result.text
    assert deployed.server(f"ostree --repo={PROD} refs --revision").out == before


def test_who_may_not_promote_cannot(deployed: Lab, first_release: dict[str, Any]) -> None:
    for login in ("visitor", "composer"):
        result = deployed.pyinfra("promote.py", "-y", "--data", f"ssh_user={login}", check=False)
        assert result.code != 0, login
        assert "Traceback" not in result.text
        assert "promoter" in result.text or "sudo" in result.text
    done = deployed.pyinfra("promote.py", "-y", "--data", "ssh_user=promoter")
    assert done.code == 0


def test_the_journal_names_who_promoted(deployed: Lab, first_release: dict[str, Any]) -> None:
    new_build(deployed, "hello", "2.1")
    deployed.pyinfra("promote.py", "-y", "--data", "ssh_user=promoter", "--data", "reason=to see who did it")
    entries = release(deployed, "log")["entries"]
    last = json.dumps(entries[-1])
    assert "promoter" in json.dumps(entries[-3:])
    assert "to see who did it" in json.dumps(entries[-4:]), last


def test_an_unsigned_build_is_not_promoted(deployed: Lab, first_release: dict[str, Any]) -> None:
    build = new_build(deployed, "hello", "2.2")["checksum"]
    signature = f"{DEV}/objects/{build[:2]}/{build[2:]}.commitmeta"
    before = deployed.server(f"ostree --repo={PROD} refs --revision").out
    deployed.server(f"mv {signature} /root/signature")
    try:
        result = deployed.pyinfra("promote.py", "-y", check=False)
    finally:
        deployed.server(f"mv /root/signature {signature}")
    assert result.code != 0
    assert "sign" in result.text
    assert deployed.server(f"ostree --repo={PROD} refs --revision").out == before


def test_a_corrupt_object_of_the_build_is_not_promoted(deployed: Lab, first_release: dict[str, Any]) -> None:
    new_build(deployed, "hello", "2.3")
    before = deployed.server(f"ostree --repo={PROD} refs --revision").out
    newest = deployed.server(
        f"cd {DEV}/objects; for f in $(ls -t */*.filez | head -20); do test -e {PROD}/objects/$f || {{ echo $f; break; }}; done"
    ).out.strip()
    assert newest, "the new build has no new file"
    deployed.server(
        f"cd {DEV}/objects; cp -p {newest} /root/good; printf x | dd of={newest} bs=1 seek=40 conv=notrunc status=none"
    )
    try:
        result = deployed.pyinfra("promote.py", "-y", check=False)
    finally:
        deployed.server(f"cp -p /root/good {DEV}/objects/{newest}")
    assert result.code != 0
    assert deployed.server(f"ostree --repo={PROD} refs --revision").out == before
    deployed.pyinfra("promote.py", "-y")
    deployed.server(f"ostree --repo={PROD} fsck --verify-bindings")


def test_a_failed_smoke_pull_moves_no_ring(deployed: Lab, first_release: dict[str, Any]) -> None:
    new_build(deployed, "hello", "2.4")
    before = ring(deployed, "pilot")
    deployed.server("systemctl stop apache2 || systemctl stop httpd")
    try:
        result = deployed.pyinfra("promote.py", "-y", check=False)
    finally:
        deployed.server("systemctl start apache2 || systemctl start httpd")
    assert result.code != 0
    assert "images.lab" in result.text
    assert ring(deployed, "pilot") == before
    deployed.pyinfra("promote.py", "-y")
    assert ring(deployed, "pilot") != before


def test_a_name_that_does_not_resolve_is_one_clear_line(deployed: Lab, first_release: dict[str, Any]) -> None:
    new_build(deployed, "hello", "2.5")
    before = ring(deployed, "pilot")
    deployed.server(
        "sed 's/images\\.lab/nowhere.invalid/g' /etc/ostree-release/config.json > /root/c && cp -p /etc/ostree-release/config.json /root/config.json && cat /root/c > /etc/ostree-release/config.json"
    )
    try:
        result = deployed.pyinfra("promote.py", "-y", check=False)
    finally:
        deployed.server("cp -p /root/config.json /etc/ostree-release/config.json")
    assert result.code != 0
    assert "nowhere.invalid" in result.text
    assert "resolve" in result.text
    assert ring(deployed, "pilot") == before
    deployed.pyinfra("promote.py", "-y")


def test_diff_and_status_name_the_packages(deployed: Lab, first_release: dict[str, Any]) -> None:
    new_build(deployed, "hello", "2.6")
    difference = release(deployed, "diff", "pilot", "dev")["packages"]
    assert [package["name"] for package in difference["upgraded"]] == ["hello"]
    assert "2.6" in difference["upgraded"][0]["new"]
    shown = deployed.pyinfra("tasks/status.py", "-y")
    assert newest_build(deployed)["version"] in shown.text


TRUST = {
    "the right key": (
        "--gpg-import={BASE}/keys/prod.gpg --set=tls-ca-path={BASE}/keys/ca.crt",
        f"{HOME}/stable",
        None,
    ),
    "a wrong key": (
        "--gpg-import={BASE}/keys/dev.gpg --set=tls-ca-path={BASE}/keys/ca.crt",
        f"{HOME}/stable",
        "signature",
    ),
    "a wrong authority": (
        "--gpg-import={BASE}/keys/prod.gpg --set=tls-ca-path=/tmp/other.crt",
        f"{HOME}/stable",
        "certificate",
    ),
    "a wrong ref": (
        "--gpg-import={BASE}/keys/prod.gpg --set=tls-ca-path={BASE}/keys/ca.crt",
        "swapped",
        "binding",
    ),
}


@pytest.mark.parametrize("trust", TRUST)
def test_a_plain_ostree_client_takes_only_what_it_should(
    deployed: Lab, first_release: dict[str, Any], trust: str
) -> None:
    options, ref, complaint = TRUST[trust]
    deployed.server(
        "openssl req -x509 -newkey ed25519 -nodes -keyout /dev/null -out /tmp/other.crt -days 2 -subj /CN=other 2>/dev/null;"
        f" rm -rf /tmp/client; ostree --repo=/tmp/client init --mode=archive; mkdir -p {PROD}/refs/heads"
    )
    if ref == "swapped":  # a ref that the commit was never bound to, as a server that cheats would offer it
        deployed.server(
            f"cp -p {PROD}/refs/heads/{HOME}/stable {PROD}/refs/heads/swapped && ostree --repo={PROD} summary -u"
        )
    try:
        deployed.server(
            f"ostree --repo=/tmp/client remote add {options.format(BASE=BASE)} prod https://images.lab:8443/repo/kinoite/prod"
        )
        result = deployed.server(
            f"ostree --repo=/tmp/client pull --commit-metadata-only prod {ref}", check=False
        )
    finally:
        if ref == "swapped":
            deployed.server(
                f"rm {PROD}/refs/heads/swapped && ostree --repo={PROD} summary -u && chown ostree-prod: {PROD}/summary"
            )
    if complaint is None:
        assert result.code == 0, result.text
    else:
        assert result.code != 0
        assert complaint in result.text.lower()


def test_an_unsigned_commit_is_refused_by_a_client(deployed: Lab, first_release: dict[str, Any]) -> None:
    tip = ring(deployed, "stable")
    assert tip is not None
    signature = f"{PROD}/objects/{tip['checksum'][:2]}/{tip['checksum'][2:]}.commitmeta"
    deployed.server(
        f"rm -rf /tmp/client; ostree --repo=/tmp/client init --mode=archive; ostree --repo=/tmp/client remote add"
        f" --gpg-import={BASE}/keys/prod.gpg --set=tls-ca-path={BASE}/keys/ca.crt prod https://images.lab:8443/repo/kinoite/prod"
    )
    deployed.server(f"mv {signature} /root/prod-signature")
    try:
        result = deployed.server(
            f"ostree --repo=/tmp/client pull --commit-metadata-only prod {HOME}/stable", check=False
        )
    finally:
        deployed.server(f"mv /root/prod-signature {signature}")
    assert result.code != 0
    assert "signature" in result.text.lower()
