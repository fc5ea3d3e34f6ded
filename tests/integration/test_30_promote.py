"""Promotion as a client and an auditor see it, through independent programs."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from tests.integration.driver import HOME, Lab, Result

STATION = "released"

BASE = "/srv/ostree/rpm-ostree"
DEV, PROD = f"{BASE}/dev", f"{BASE}/prod"
PROMOTER = "sudo -n -u ostree-prod /usr/libexec/ostree-release/promoter"
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


def test_a_release_is_the_build_with_another_name_on_it(lab: Lab) -> None:
    release = lab.tip("stable")
    released = release["checksum"]
    build = metadata(lab, PROD, released, "release.build").strip("'")
    assert build == lab.newest_build()["checksum"] != released
    assert root_tree(lab, PROD, released) == root_tree(lab, DEV, build)
    for key in KEYS:
        assert metadata(lab, PROD, released, key) == metadata(lab, DEV, build, key), key
    binding = metadata(lab, PROD, released, "ostree.ref-binding")
    for bound in ("pilot", "stable", f"releases/{release['version']}"):
        assert f"'{HOME}/{bound}'" in binding
    lab.server(f"ostree --repo={PROD} fsck --verify-bindings")


def test_a_second_version_takes_the_same_road(lab: Lab) -> None:
    old = lab.tip("stable")
    build = lab.quick_build({"hello": "2.0"})
    pilots = lab.ring("pilot")
    plan = lab.pyinfra("promote.py", "--dry")
    assert "hello" in plan.text
    assert lab.ring("pilot") == pilots
    done = lab.pyinfra("promote.py", "-y")
    pilot = lab.tip("pilot")
    assert pilot["version"] == build["version"]
    assert pilot["version"] in done.text
    assert "ring=stable" in done.text, "it does not say what to type next"
    assert lab.ring("stable") == old
    lab.pyinfra("promote.py", "-y", "--data", "ring=stable")
    assert lab.ring("stable") == pilot
    assert history(lab, f"{HOME}/stable")[0] == pilot["checksum"]
    assert old["checksum"] in history(lab, f"{HOME}/stable")
    assert int(pilot["serial"]) > int(old["serial"])
    lab.server(f"ostree --repo={PROD} fsck --verify-bindings")


def test_no_candidate_and_no_dev_ref_is_left_in_prod(lab: Lab) -> None:
    refs = lab.server(f"ostree --repo={PROD} refs").out.split()
    assert not [ref for ref in refs if "/candidate/" in ref or ref.endswith("/dev")]
    served = lab.server(
        f"curl -sS --cacert {BASE}/keys/ca.crt -o /tmp/s https://images.lab:8443/repo/kinoite/prod/summary && cmp /tmp/s {PROD}/summary && ostree --repo={PROD} summary -v"
    ).out
    assert "candidate" not in served


def test_again_without_anything_new_changes_nothing(lab: Lab) -> None:
    before = lab.server(f"cd {PROD}; find . -type f -printf '%p %T@\\n' | sort | sha256sum").out
    refs = lab.server(f"ostree --repo={PROD} refs --revision").out
    for arguments in ([], ["--data", "ring=stable"]):
        result = lab.pyinfra("promote.py", "-y", "--json", *arguments)
        assert [op["name"] for op in json.loads(result.out)["results"]["operations"] if op["success"]] == []
    assert lab.server(f"ostree --repo={PROD} refs --revision").out == refs
    assert lab.server(f"cd {PROD}; find . -type f -printf '%p %T@\\n' | sort | sha256sum").out == before


@dataclass(frozen=True)
class Repair:
    """One promotion with nothing to do but to repair: what it said, and how each loss looked, 0 for whole."""

    before: dict[str, int]
    lost: dict[str, int]
    after: dict[str, int]
    said: str
    moved: bool


@pytest.fixture(scope="module")
def repair(lab: Lab) -> Repair:
    """Lose all that an interruption can leave undone, at once, and promote again."""
    tip = lab.tip("pilot")
    checksum, version = tip["checksum"], tip["version"]
    losses = {
        "summary": (f"rm {PROD}/summary", f"ostree --repo={PROD} summary -v | grep {checksum}"),
        "signature": (
            f"rm {PROD}/objects/{checksum[:2]}/{checksum[2:]}.commitmeta",
            f"ostree --repo={PROD} show --print-detached-metadata-key=ostree.gpgsigs {checksum}",
        ),
        "release ref": (
            f"rm {PROD}/refs/heads/{HOME}/releases/{version}",
            f"ostree --repo={PROD} rev-parse {HOME}/releases/{version}",
        ),
    }

    def looks() -> dict[str, int]:
        return {name: lab.server(look, check=False).code for name, (_, look) in losses.items()}

    before = looks()
    for breakage, _ in losses.values():
        lab.server(breakage)
    lost = looks()
    said = lab.pyinfra("promote.py", "-y").text
    return Repair(before, lost, looks(), said, moved=lab.ring("pilot") != tip)


SAID = {
    "summary": "summary did not name the refs as they are",
    "signature": "signature of {version} was missing",
    "release ref": "ref {home}/releases/{version} was missing",
}


@pytest.mark.parametrize("lost", SAID)
def test_what_an_interruption_left_is_repaired(lab: Lab, repair: Repair, lost: str) -> None:
    assert repair.before[lost] == 0
    assert repair.lost[lost] != 0
    assert repair.after[lost] == 0
    assert SAID[lost].format(home=HOME, version=lab.tip("stable")["version"]) in repair.said
    assert "repair" in repair.said.lower()
    assert not repair.moved


REFUSALS = {
    "a build that does not exist": ("--build=44.19990101.0", "44.19990101.0"),
    "a checksum that does not exist": ("--build=" + "ab" * 32, "abab"),
    "a ring that does not exist": ("--ring=nightly", "nightly"),
    "an environment that does not exist": ("--to=production", "production"),
    "an environment that is composed": ("--to=dev", "dev"),
    "a build for a later ring": ("--ring=stable --build=44.20200101.0", "build"),
}
"""What only the server can know; what the laptop refuses by itself is in tests/plan/test_server_tasks.py."""


@pytest.fixture(scope="module")
def refused(lab: Lab) -> dict[str, Result]:
    """Every refusal of the server, in one session; fails if one of them moved anything."""
    before = lab.server(f"ostree --repo={PROD} refs --revision").out
    commands = {case: f"{PROMOTER} promote {arguments}" for case, (arguments, _) in REFUSALS.items()}
    results = lab.session("promoter", commands)
    assert lab.server(f"ostree --repo={PROD} refs --revision").out == before
    return results


@pytest.mark.parametrize("case", REFUSALS)
def test_a_bad_argument_is_one_clear_error(refused: dict[str, Result], case: str) -> None:
    result = refused[case]
    assert result.code == 1, result.text
    lines = [line for line in result.out.splitlines() if line]
    assert len(lines) == 1, lines
    assert lines[0].startswith("ostree-release: ")
    assert REFUSALS[case][1] in lines[0]


def test_who_may_not_promote_cannot(lab: Lab) -> None:
    for login in ("visitor", "composer"):
        result = lab.pyinfra("promote.py", "-y", "--data", f"ssh_user={login}", check=False)
        assert result.code != 0, login
        assert "Traceback" not in result.text
        assert "this login may not promote on this server" in result.text
    done = lab.pyinfra("promote.py", "-y", "--data", "ssh_user=promoter")
    assert done.code == 0


def test_the_journal_names_who_promoted(lab: Lab) -> None:
    lab.quick_build({"hello": "2.1"})
    lab.pyinfra("promote.py", "-y", "--data", "ssh_user=promoter", "--data", "reason=to see who did it")
    moves = [entry for entry in lab.ask("log")["entries"] if entry.get("action") == "promote"]
    intent, done = moves[-2:]
    assert (intent["event"], intent["actor"], intent["reason"]) == ("intent", "promoter", "to see who did it")
    assert (done["event"], done["actor"]) == ("done", "promoter")


def test_an_unsigned_build_is_not_promoted(lab: Lab) -> None:
    build = lab.quick_build({"hello": "2.2"})
    signature = f"{DEV}/objects/{build['checksum'][:2]}/{build['checksum'][2:]}.commitmeta"
    before = lab.server(f"ostree --repo={PROD} refs --revision").out
    lab.server(f"mv {signature} /root/signature")
    try:
        result = lab.promote(check=False)
    finally:
        lab.server(f"mv /root/signature {signature}")
    assert result.code != 0
    assert f"build {build['version']}: not signed with the key of dev" in result.text
    assert lab.server(f"ostree --repo={PROD} refs --revision").out == before


def test_a_corrupt_object_of_the_build_is_not_promoted(lab: Lab) -> None:
    lab.quick_build({"hello": "2.3"})
    before = lab.server(f"ostree --repo={PROD} refs --revision").out
    newest = lab.server(
        f"cd {DEV}/objects; for f in $(ls -t */*.filez | head -20); do test -e {PROD}/objects/$f || {{ echo $f; break; }}; done"
    ).out.strip()
    assert newest, "the new build has no new file"
    lab.damage(f"{DEV}/objects/{newest}", "printf x | dd bs=1 seek=40 conv=notrunc status=none of=")
    try:
        result = lab.promote(check=False)
    finally:
        lab.mend(f"{DEV}/objects/{newest}")
    assert result.code != 0
    assert lab.server(f"ostree --repo={PROD} refs --revision").out == before
    lab.promote()
    lab.server(f"ostree --repo={PROD} fsck --verify-bindings")


def test_a_failed_smoke_pull_moves_no_ring(lab: Lab) -> None:
    lab.quick_build({"hello": "2.4"})
    before = lab.ring("pilot")
    lab.server("systemctl stop apache2 || systemctl stop httpd")
    try:
        result = lab.pyinfra("promote.py", "-y", check=False)
    finally:
        lab.server("systemctl start apache2 || systemctl start httpd")
    assert result.code != 0
    assert "images.lab" in result.text
    assert lab.ring("pilot") == before
    lab.promote()
    assert lab.ring("pilot") != before


def test_a_name_that_does_not_resolve_is_one_clear_line(lab: Lab) -> None:
    lab.quick_build({"hello": "2.5"})
    before = lab.ring("pilot")
    lab.server(
        "sed 's/images\\.lab/nowhere.invalid/g' /etc/ostree-release/config.json > /root/c && cp -p /etc/ostree-release/config.json /root/config.json && cat /root/c > /etc/ostree-release/config.json"
    )
    try:
        result = lab.promote(check=False)
    finally:
        lab.server("cp -p /root/config.json /etc/ostree-release/config.json")
    assert result.code != 0
    assert "nowhere.invalid" in result.text
    assert "resolve" in result.text
    assert lab.ring("pilot") == before
    lab.promote()


def test_diff_and_status_name_the_packages(lab: Lab) -> None:
    lab.quick_build({"hello": "2.6"})
    difference = lab.ask("diff", "pilot", "dev")["packages"]
    assert [package["name"] for package in difference["upgraded"]] == ["hello"]
    assert "2.6" in difference["upgraded"][0]["new"]
    shown = lab.pyinfra("tasks/status.py", "-y")
    assert lab.newest_build()["version"] in shown.text


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
def test_a_plain_ostree_client_takes_only_what_it_should(lab: Lab, trust: str) -> None:
    options, ref, complaint = TRUST[trust]
    lab.server(
        "openssl req -x509 -newkey ed25519 -nodes -keyout /dev/null -out /tmp/other.crt -days 2 -subj /CN=other 2>/dev/null;"
        f" rm -rf /tmp/client; ostree --repo=/tmp/client init --mode=archive; mkdir -p {PROD}/refs/heads"
    )
    if ref == "swapped":  # a ref that the commit was never bound to, as a server that cheats would offer it
        lab.server(
            f"cp -p {PROD}/refs/heads/{HOME}/stable {PROD}/refs/heads/swapped && ostree --repo={PROD} summary -u"
        )
    try:
        lab.server(
            f"ostree --repo=/tmp/client remote add {options.format(BASE=BASE)} prod https://images.lab:8443/repo/kinoite/prod"
        )
        result = lab.server(f"ostree --repo=/tmp/client pull --commit-metadata-only prod {ref}", check=False)
    finally:
        if ref == "swapped":
            lab.server(
                f"rm {PROD}/refs/heads/swapped && ostree --repo={PROD} summary -u && chown ostree-prod: {PROD}/summary"
            )
    if complaint is None:
        assert result.code == 0, result.text
    else:
        assert result.code != 0
        assert complaint in result.text.lower()


def test_an_unsigned_commit_is_refused_by_a_client(lab: Lab) -> None:
    tip = lab.tip("stable")
    signature = f"{PROD}/objects/{tip['checksum'][:2]}/{tip['checksum'][2:]}.commitmeta"
    lab.server(
        f"rm -rf /tmp/client; ostree --repo=/tmp/client init --mode=archive; ostree --repo=/tmp/client remote add"
        f" --gpg-import={BASE}/keys/prod.gpg --set=tls-ca-path={BASE}/keys/ca.crt prod https://images.lab:8443/repo/kinoite/prod"
    )
    lab.server(f"mv {signature} /root/prod-signature")
    try:
        result = lab.server(
            f"ostree --repo=/tmp/client pull --commit-metadata-only prod {HOME}/stable", check=False
        )
    finally:
        lab.server(f"mv /root/prod-signature {signature}")
    assert result.code != 0
    assert "signature" in result.text.lower()
