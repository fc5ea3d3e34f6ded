"""deploy.py on a bare server: applied, applied again, looked at from outside, broken, repaired."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile

import pytest

from ostree_release.build import build
from tests.integration.driver import Lab, changed_operations

BASE = "/srv/ostree/rpm-ostree"
URL = "https://images.lab:8443"
CA = f"{BASE}/keys/ca.crt"
VHOST = "grep -RlsE 'repo/kinoite' /etc/apache2/conf-enabled /etc/apache2/sites-enabled /etc/httpd/conf.d | head -1 | xargs readlink -f"


def test_a_plan_on_a_bare_server_changes_nothing(lab: Lab) -> None:
    if lab.server("test -e /etc/ostree-release && echo deployed || true").out:
        pytest.skip("the server of this lab has been deployed already: only the first run can show this")
    before = lab.server("find /etc /usr /srv /var/lib -xdev -newer /etc/hostname | sort | head -2000").out
    result = lab.pyinfra("deploy.py", "--dry", "--diff")
    after = lab.server("find /etc /usr /srv /var/lib -xdev -newer /etc/hostname | sort | head -2000").out
    assert before == after
    assert "ostree-release" in result.text


def test_the_second_run_changes_nothing(deployed: Lab) -> None:
    assert changed_operations(deployed.pyinfra("deploy.py", "--dry", "--json")) == []
    deployed.server("touch /tmp/before-second-run; sleep 1")
    assert changed_operations(deployed.pyinfra("deploy.py", "-y", "--json")) == []
    written = deployed.server(
        "find / -xdev -newer /tmp/before-second-run -type f"
        " -not -path '/proc/*' -not -path '/sys/*' -not -path '/run/*' -not -path '/tmp/*' -not -path '/var/log/*'"
        "; find /srv /var/lib/ostree-release -newer /tmp/before-second-run -type f"
    ).out.split()
    allowed = re.compile(r"^/(var/lib/(sudo|systemd)/|var/cache/(apt|ldconfig|man)/|home/admin/\.cache)")
    assert [path for path in written if not allowed.match(path)] == []


def test_a_run_without_change_is_cheap(deployed: Lab) -> None:
    deployed.server("sleep 1")
    since = deployed.server("date +%s").out.strip()
    deployed.pyinfra("deploy.py", "-y")
    log = deployed.server(f"journalctl --no-pager -o cat --since @{since}").out
    commands = len(re.findall(r"Starting session: (?:command|subsystem)", log))
    connections = len(re.findall(r"Accepted publickey for admin", log))
    assert 0 < commands <= 25
    assert connections == 1


DRIFTS = {
    "a mode": (f"chmod 0700 {BASE}/prod", f"stat -c %a {BASE}/prod", "755"),
    "an owner": (f"chown root {BASE}/prod", f"stat -c %U {BASE}/prod", "ostree-prod"),
    "a missing directory": (
        "rm -r /var/cache/ostree-release/dev",
        "stat -c %F /var/cache/ostree-release/dev",
        "directory",
    ),
    "a line of the virtual host": (
        f"sed -i s/immutable/mutable/ $({VHOST})",
        f"curl -sSo /dev/null --cacert {CA} {URL}/repo/kinoite/prod/config && grep -c ' mutable\\|,mutable' $({VHOST}) || true",
        "0",
    ),
    "a sudo rule": (
        "echo 'composer ALL=(ALL) NOPASSWD: ALL' >> $(grep -ls ostree-release /etc/sudoers.d/*)",
        "grep -c 'NOPASSWD: ALL' $(grep -ls ostree-release /etc/sudoers.d/*) || true",
        "0",
    ),
    "a firewall port": (
        "firewall-cmd -q --permanent --remove-port=8443/tcp; firewall-cmd -q --remove-port=8443/tcp",
        "firewall-cmd --query-port=8443/tcp; firewall-cmd --permanent --query-port=8443/tcp",
        "yes\nyes",
    ),
    "an SELinux label": (
        f"setfattr -n security.selinux -v system_u:object_r:tmp_t:s0 {BASE}/prod/config",
        f"getfattr --only-values -n security.selinux {BASE}/prod/config 2>/dev/null | tr -d '\\0' | cut -d: -f3",
        "httpd_sys_content_t",
    ),
    "a unit": (
        "echo '# by hand' >> /etc/systemd/system/ostree-release-compose@.service",
        "grep -c 'by hand' /etc/systemd/system/ostree-release-compose@.service || true",
        "0",
    ),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_what_was_changed_by_hand_is_repaired_and_only_that(deployed: Lab, drift: str) -> None:
    breakage, question, right = DRIFTS[drift]
    assert deployed.server(question).out.strip() == right, "the server is not as this test expects it"
    deployed.server(breakage)
    assert deployed.server(question, check=False).out.strip() != right, "nothing was broken"
    changed = changed_operations(deployed.pyinfra("deploy.py", "-y", "--json"))
    assert deployed.server(question).out.strip() == right
    assert 1 <= len(changed) <= 2, changed  # the repair, and the reload or label that belongs to it
    assert changed_operations(deployed.pyinfra("deploy.py", "-y", "--json")) == []


def test_owners_and_modes(deployed: Lab) -> None:
    listing = deployed.server(
        f"stat -c '%n %U:%G %a' {BASE} {BASE}/dev {BASE}/prod /etc/ostree-release/config.json"
        " /etc/ostree-release/tls/server.key /etc/ostree-release/tls/ca.key"
        " /var/lib/ostree-release/keys/dev /var/lib/ostree-release/keys/prod /var/lib/ostree-release/journal.jsonl"
        " /usr/libexec/ostree-release/composer /usr/libexec/ostree-release/promoter"
        " /usr/libexec/ostree-release/approver"
    ).out.splitlines()
    assert dict(line.split(" ", 1) for line in listing) == {
        BASE: "root:root 755",
        f"{BASE}/dev": "root:root 755",
        f"{BASE}/prod": "ostree-prod:ostree-prod 755",
        "/etc/ostree-release/config.json": "root:root 644",
        "/etc/ostree-release/tls/server.key": "root:root 600",
        "/etc/ostree-release/tls/ca.key": "root:root 600",
        "/var/lib/ostree-release/keys/dev": "root:root 700",
        "/var/lib/ostree-release/keys/prod": "ostree-prod:ostree-prod 700",
        "/var/lib/ostree-release/journal.jsonl": "root:ostree-prod 660",
        "/usr/libexec/ostree-release/composer": "root:root 755",
        "/usr/libexec/ostree-release/promoter": "root:root 755",
        "/usr/libexec/ostree-release/approver": "root:root 755",
    }


def test_the_repositories_are_archives(deployed: Lab) -> None:
    for environment in ("dev", "prod"):
        assert deployed.server(f"ostree --repo={BASE}/{environment} config get core.mode").out.strip() in (
            "archive",
            "archive-z2",
        )


def test_the_certificate_is_for_the_public_name_and_lasts(deployed: Lab) -> None:
    text = deployed.server(
        "openssl x509 -in /etc/ostree-release/tls/server.crt -noout -ext subjectAltName"
    ).out
    assert "DNS:images.lab" in text
    assert "IP Address:" in text
    deployed.server("openssl x509 -in /etc/ostree-release/tls/ca.crt -noout -checkend $((3600*24*365*9))")
    deployed.server(
        "openssl verify -CAfile /etc/ostree-release/tls/ca.crt /etc/ostree-release/tls/server.crt"
    )
    deployed.server("systemctl is-active ostree-release-certificate.timer")


def fetch(lab: Lab, path: str, *options: str) -> tuple[int, dict[str, str]]:
    """Fetch a path from the server with curl; return the status and the headers."""
    out = lab.server(f"curl -sS -o /dev/null -D - --cacert {CA} {' '.join(options)} {URL}{path}").out
    status, *lines = out.replace("\r", "").strip().splitlines()
    return int(status.split()[1]), {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }


def test_what_is_served_and_how(deployed: Lab) -> None:
    status, headers = fetch(deployed, "/repo/kinoite/prod/config")
    assert (status, headers["cache-control"]) == (200, "no-cache")
    missing = "/repo/kinoite/prod/objects/aa/" + "b" * 62 + ".filez"
    status, headers = fetch(deployed, missing)
    assert status == 404
    assert "immutable" not in headers.get("cache-control", "")
    for denied in (".lock", "tmp/", "state/"):
        assert fetch(deployed, f"/repo/kinoite/prod/{denied}")[0] == 403, denied
    assert fetch(deployed, "/repo/kinoite/prod/objects/")[0] in (403, 404)  # no index
    assert (
        deployed.server(
            f"curl -sS -o /dev/null -w '%{{http_version}}' --http2 --cacert {CA} {URL}/repo/kinoite/prod/config"
        ).out.strip()
        == "2"
    )
    assert fetch(deployed, "/repo/keys/prod.gpg")[0] == 200


def test_without_the_authority_the_server_is_refused(deployed: Lab) -> None:
    result = deployed.server(f"curl -sS {URL}/repo/kinoite/prod/config", check=False)
    assert result.code == 60


def test_the_keys_sign_only_and_do_not_expire(deployed: Lab) -> None:
    for environment in ("dev", "prod"):
        lines = deployed.server(
            f"gpg --batch --homedir $(mktemp -d) --show-keys --with-colons {BASE}/keys/{environment}.gpg"
        ).out.splitlines()
        public = [line.split(":") for line in lines if line.startswith("pub:")]
        assert len(public) == 1
        assert public[0][6] == "", "the key expires"
        assert "e" not in public[0][11].lower(), "the key can encrypt"


def test_a_broken_setting_is_refused_before_any_contact(deployed: Lab) -> None:
    deployed.server("sleep 1")
    since = deployed.server("date +%s").out.strip()
    result = deployed.pyinfra("deploy.py", "-y", "--data", "ostree_https_port=99999", check=False)
    assert result.code != 0
    assert "ostree_https_port" in result.text
    assert "99999" in result.text
    assert "Traceback" not in result.text
    log = deployed.server(f"journalctl --no-pager -o cat --since @{since}").out
    assert "Accepted publickey" not in log


def test_a_changed_port_takes_the_old_one_away(deployed: Lab) -> None:
    deployed.pyinfra("deploy.py", "-y", "--data", "ostree_https_port=8444")
    assert deployed.server("curl -sk https://images.lab:8443/ >/dev/null", check=False).code == 7
    assert deployed.server("firewall-cmd --list-ports").out.split() == ["8444/tcp"]
    deployed.pyinfra("deploy.py", "-y")
    assert deployed.server("firewall-cmd --list-ports").out.split() == ["8443/tcp"]
    assert fetch(deployed, "/repo/kinoite/prod/config")[0] == 200


def test_a_virtual_host_that_fails_its_test_is_not_left_in_place(deployed: Lab) -> None:
    deployed.server(
        "d=/etc/apache2/conf-enabled; test -d $d || d=/etc/httpd/conf.d; echo NoSuchDirective > $d/zz-broken.conf"
    )
    try:
        before = deployed.server(f"sha256sum $({VHOST})").out
        result = deployed.pyinfra("deploy.py", "-y", "--data", "ostree_https_port=8444", check=False)
        assert result.code != 0
        assert deployed.server(f"sha256sum $({VHOST})").out == before
        assert fetch(deployed, "/repo/kinoite/prod/config")[0] == 200
    finally:
        deployed.server("rm -f /etc/apache2/conf-enabled/zz-broken.conf /etc/httpd/conf.d/zz-broken.conf")
        deployed.pyinfra("deploy.py", "-y")


def test_the_zipapp_on_the_server_is_the_one_of_this_checkout(deployed: Lab) -> None:
    folder = "/usr/libexec/ostree-release"
    installed = deployed.server(f"realpath -e {folder}/program").out.strip()
    assert installed == f"{folder}/{hashlib.sha256(build()).hexdigest()}"
    sums = deployed.server(f"cd {installed} && find * -name '*.py' -exec sha256sum {{}} +").out.splitlines()
    with zipfile.ZipFile(io.BytesIO(build())) as archive:
        wanted = {f"{hashlib.sha256(archive.read(name)).hexdigest()}  {name}" for name in archive.namelist()}
    assert set(sums) == wanted
