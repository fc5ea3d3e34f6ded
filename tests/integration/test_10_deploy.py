"""deploy.py on a bare server: applied, applied again, looked at from outside, broken, repaired."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ostree_release.build import build
from tests.integration.driver import NAME, Lab, changed_operations

STATION = "deployed"
BASE = "/srv/ostree/rpm-ostree"
URL = "https://images.lab:8443"
CA = f"{BASE}/keys/ca.crt"
VHOST = "grep -RlsE 'repo/kinoite' /etc/apache2/conf-enabled /etc/apache2/sites-enabled /etc/httpd/conf.d | head -1 | xargs readlink -f"


@pytest.fixture
def bare() -> Iterator[Lab]:
    """A server that nothing was ever done to, in a lab of its own."""
    lab = Lab(f"{NAME}-bare")
    lab.command("down")
    try:
        lab.command("up", "--clients", "0")
        yield lab
    finally:
        lab.command("down")


# Asking rpm as root touches the shared memory of its database, which the Red Hat family has below /usr.
NOT_READ = "-not -name 'rpmdb.sqlite-*'"


def test_a_plan_on_a_bare_server_changes_nothing(bare: Lab) -> None:
    newer = f"find /etc /usr /srv /var/lib -xdev -newer /etc/hostname {NOT_READ} | sort"
    before = bare.server(newer).out
    result = bare.pyinfra("deploy.py", "--dry", "--diff")
    after = bare.server(newer).out
    assert before == after
    assert "ostree-release" in result.text


@dataclass(frozen=True)
class Run:
    """A run of deploy.py without change: what it says, what it wrote, and what sshd saw of it."""

    changed: list[str]
    written: list[str]
    log: str


@pytest.fixture(scope="module")
def unchanged(lab: Lab) -> Run:
    """One run on a server that is as it should be."""
    lab.server("sleep 1; touch /tmp/before-second-run; sleep 1")
    since = lab.server("date +%s").out.strip()
    changed = changed_operations(lab.pyinfra("deploy.py", "-y", "--json"))
    log = lab.server(f"journalctl --no-pager -o cat --since @{since}").out
    written = lab.server(
        f"find / -xdev -newer /tmp/before-second-run -type f {NOT_READ}"
        " -not -path '/proc/*' -not -path '/sys/*' -not -path '/run/*' -not -path '/tmp/*' -not -path '/var/log/*'"
        f"; find /srv /usr /var/lib/ostree-release -newer /tmp/before-second-run -type f {NOT_READ}"
    ).out.split()
    return Run(changed, written, log)


def test_the_second_run_changes_nothing(lab: Lab, unchanged: Run) -> None:
    assert changed_operations(lab.pyinfra("deploy.py", "--dry", "--json")) == []
    assert unchanged.changed == []
    allowed = re.compile(r"^/(var/lib/(sudo|systemd)/|var/cache/(apt|ldconfig|man)/|home/admin/\.cache)")
    assert [path for path in unchanged.written if not allowed.match(path)] == []


def test_a_run_without_change_is_cheap(unchanged: Run) -> None:
    commands = len(re.findall(r"Starting session: (?:command|subsystem)", unchanged.log))
    connections = len(re.findall(r"Accepted publickey for admin", unchanged.log))
    assert 0 < commands <= 3  # the machine, what deploy.py needs to know, what the operations ask first
    assert connections == 1


@dataclass(frozen=True)
class Drift:
    """What somebody changed by hand: how, a question about it with the right answer, and what repairs it."""

    breakage: str
    question: str
    right: str
    repaired_by: tuple[str, ...]


STORAGE = "Storage | Directories"
WEB = ("Web server | Virtual host", "Web server | httpd runs with it")
PROGRAM = "Release tool | Program, configuration, roles"
FIREWALL = "Firewall | Ports in firewalld"
LABELS = "SELinux | Labels and port types"
UNITS = "Schedule | Units and timers"

DRIFTS = {
    "a mode": Drift(f"chmod 0700 {BASE}/dev", f"stat -c %a {BASE}/dev", "755", (STORAGE,)),
    "an owner": Drift(f"chown root {BASE}/prod", f"stat -c %U {BASE}/prod", "ostree-prod", (STORAGE,)),
    "a missing directory": Drift(
        "rm -r /var/cache/ostree-release/dev",
        "stat -c %F /var/cache/ostree-release/dev",
        "directory",
        (STORAGE,),
    ),
    "a line of the virtual host": Drift(
        f"sed -i s/immutable/mutable/ $({VHOST})",
        f"curl -sSo /dev/null --cacert {CA} {URL}/repo/kinoite/prod/config && grep -c ' mutable\\|,mutable' $({VHOST}) || true",
        "0",
        (*WEB,),
    ),
    "a sudo rule": Drift(
        "echo 'composer ALL=(ALL) NOPASSWD: ALL' >> $(grep -ls ostree-release /etc/sudoers.d/*)",
        "grep -c 'NOPASSWD: ALL' $(grep -ls ostree-release /etc/sudoers.d/*) || true",
        "0",
        (PROGRAM,),
    ),
    "a firewall port": Drift(
        "firewall-cmd -q --permanent --remove-port=8443/tcp; firewall-cmd -q --remove-port=8443/tcp",
        "firewall-cmd --query-port=8443/tcp; firewall-cmd --permanent --query-port=8443/tcp",
        "yes\nyes",
        (FIREWALL,),
    ),
    # Of a folder: what was made since the labelling has none here, where no kernel gives it one.
    "an SELinux label": Drift(
        f"setfattr -n security.selinux -v system_u:object_r:tmp_t:s0 {BASE}/prod/refs",
        f"getfattr --only-values -n security.selinux {BASE}/prod/refs 2>/dev/null | tr -d '\\0' | cut -d: -f3",
        "httpd_sys_content_t",
        (LABELS,),
    ),
    "a unit": Drift(
        "echo '# by hand' >> /etc/systemd/system/ostree-release-compose@.service",
        "grep -c 'by hand' /etc/systemd/system/ostree-release-compose@.service || true",
        "0",
        (UNITS,),
    ),
}


@dataclass(frozen=True)
class Repair:
    """One deploy.py after every drift at once: the answers before and after, and what it changed."""

    before: dict[str, str]
    broken: dict[str, str]
    after: dict[str, str]
    changed: list[str]


@pytest.fixture(scope="module")
def repair(lab: Lab) -> Repair:
    """Change everything by hand that is changed by hand here, and deploy once."""

    def answers() -> dict[str, str]:
        return {name: lab.server(drift.question, check=False).out.strip() for name, drift in DRIFTS.items()}

    before = answers()
    for drift in DRIFTS.values():
        lab.server(drift.breakage)
    broken = answers()
    changed = changed_operations(lab.pyinfra("deploy.py", "-y", "--json"))
    return Repair(before, broken, answers(), changed)


@pytest.mark.parametrize("drift", DRIFTS)
def test_what_was_changed_by_hand_is_repaired_and_only_that(repair: Repair, drift: str) -> None:
    right = DRIFTS[drift].right
    assert repair.before[drift] == right, "the server is not as this test expects it"
    assert repair.broken[drift] != right, "nothing was broken"
    assert repair.after[drift] == right
    assert set(DRIFTS[drift].repaired_by) <= set(repair.changed)


def test_nothing_but_the_drifts_was_changed_and_nothing_is_left_to_change(lab: Lab, repair: Repair) -> None:
    assert set(repair.changed) == {name for drift in DRIFTS.values() for name in drift.repaired_by}
    assert changed_operations(lab.pyinfra("deploy.py", "-y", "--json")) == []


def test_owners_and_modes(lab: Lab) -> None:
    listing = lab.server(
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


def test_the_repositories_are_archives(lab: Lab) -> None:
    for environment in ("dev", "prod"):
        assert lab.server(f"ostree --repo={BASE}/{environment} config get core.mode").out.strip() in (
            "archive",
            "archive-z2",
        )


def test_the_certificate_is_for_the_public_name_and_lasts(lab: Lab) -> None:
    text = lab.server("openssl x509 -in /etc/ostree-release/tls/server.crt -noout -ext subjectAltName").out
    assert "DNS:images.lab" in text
    assert "IP Address:" in text
    lab.server("openssl x509 -in /etc/ostree-release/tls/ca.crt -noout -checkend $((3600*24*365*9))")
    lab.server("openssl verify -CAfile /etc/ostree-release/tls/ca.crt /etc/ostree-release/tls/server.crt")
    lab.server("systemctl is-active ostree-release-certificate.timer")


def fetch(lab: Lab, path: str, *options: str) -> tuple[int, dict[str, str]]:
    """Fetch a path from the server with curl; return the status and the headers."""
    out = lab.server(f"curl -sS -o /dev/null -D - --cacert {CA} {' '.join(options)} {URL}{path}").out
    status, *lines = out.replace("\r", "").strip().splitlines()
    return int(status.split()[1]), {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }


def test_what_is_served_and_how(lab: Lab) -> None:
    status, headers = fetch(lab, "/repo/kinoite/prod/config")
    assert (status, headers["cache-control"]) == (200, "no-cache")
    missing = "/repo/kinoite/prod/objects/aa/" + "b" * 62 + ".filez"
    status, headers = fetch(lab, missing)
    assert status == 404
    assert "immutable" not in headers.get("cache-control", "")
    for denied in (".lock", "tmp/", "state/"):
        assert fetch(lab, f"/repo/kinoite/prod/{denied}")[0] == 403, denied
    assert fetch(lab, "/repo/kinoite/prod/objects/")[0] in (403, 404)  # no index
    assert (
        lab.server(
            f"curl -sS -o /dev/null -w '%{{http_version}}' --http2 --cacert {CA} {URL}/repo/kinoite/prod/config"
        ).out.strip()
        == "2"
    )
    assert fetch(lab, "/repo/keys/prod.gpg")[0] == 200


def test_without_the_authority_the_server_is_refused(lab: Lab) -> None:
    result = lab.server(f"curl -sS {URL}/repo/kinoite/prod/config", check=False)
    assert result.code == 60


def test_the_keys_sign_only_and_do_not_expire(lab: Lab) -> None:
    for environment in ("dev", "prod"):
        lines = lab.server(
            f"gpg --batch --homedir $(mktemp -d) --show-keys --with-colons {BASE}/keys/{environment}.gpg"
        ).out.splitlines()
        public = [line.split(":") for line in lines if line.startswith("pub:")]
        assert len(public) == 1
        assert public[0][6] == "", "the key expires"
        assert "e" not in public[0][11].lower(), "the key can encrypt"


def test_a_broken_setting_is_refused_before_any_contact(lab: Lab) -> None:
    lab.server("sleep 1")
    since = lab.server("date +%s").out.strip()
    result = lab.pyinfra("deploy.py", "-y", "--data", "ostree_https_port=99999", check=False)
    assert result.code != 0
    assert "ostree_https_port" in result.text
    assert "99999" in result.text
    assert "Traceback" not in result.text
    log = lab.server(f"journalctl --no-pager -o cat --since @{since}").out
    assert "Accepted publickey" not in log


def test_a_changed_port_takes_the_old_one_away(lab: Lab) -> None:
    lab.pyinfra("deploy.py", "-y", "--data", "ostree_https_port=8444")
    assert lab.server("curl -sk https://images.lab:8443/ >/dev/null", check=False).code == 7
    assert lab.server("firewall-cmd --list-ports").out.split() == ["8444/tcp"]
    lab.pyinfra("deploy.py", "-y")
    assert lab.server("firewall-cmd --list-ports").out.split() == ["8443/tcp"]
    assert fetch(lab, "/repo/kinoite/prod/config")[0] == 200


HTTPD = "$(systemctl list-unit-files --no-legend apache2.service httpd.service | cut -d' ' -f1)"
# Its child processes, as the number of threads that each has.
THREADS = f"ps -o nlwp= --ppid $(systemctl show --value --property MainPID {HTTPD})"
MAIN = f"systemctl show --value --property MainPID {HTTPD}"


def test_the_limits_of_httpd_are_in_force_and_a_changed_one_restarts_it(lab: Lab) -> None:
    few = ("--data", "ostree_httpd_connections=400")
    before = lab.server(MAIN).out
    changed = changed_operations(lab.pyinfra("deploy.py", "-y", "--json", *few))
    try:
        assert set(changed) == set(WEB)
        assert lab.server(MAIN).out != before
        workers = [int(each) for each in lab.server(THREADS).out.split()]
        assert len(workers) == 4
        assert all(100 < each < 200 for each in workers), "a thread for each connection, and a few more"
        assert lab.server(f"systemctl show --value --property LimitNOFILE {HTTPD}").out.strip() == "65536"
        assert fetch(lab, "/repo/kinoite/prod/config")[0] == 200
        assert changed_operations(lab.pyinfra("deploy.py", "-y", "--json", *few)) == []
        main = lab.server(MAIN).out
        lab.server(f"systemctl reload {HTTPD}")
        assert fetch(lab, "/repo/kinoite/prod/config")[0] == 200
        assert lab.server(MAIN).out == main
        assert changed_operations(lab.pyinfra("deploy.py", "--dry", "--json", *few)) == []
    finally:
        assert set(changed_operations(lab.pyinfra("deploy.py", "-y", "--json"))) == set(WEB)
    assert changed_operations(lab.pyinfra("deploy.py", "--dry", "--json")) == []


def test_a_connection_is_kept_for_as_many_requests_as_a_pull_has(lab: Lab) -> None:
    url = f"{URL}/repo/kinoite/prod/config?[1-200]"
    connects = lab.server(
        f"curl -sSf --http1.1 --cacert {CA} -o /dev/null -w '%{{num_connects}}\\n' '{url}'"
    ).out
    assert connects.split() == ["1", *["0"] * 199]


def test_with_another_mpm_httpd_runs_as_before(lab: Lab) -> None:
    """By the administrator's choice: the limits of the event MPM are passed over."""
    use = (
        "if command -v a2enmod >/dev/null; then a2dismod -qf {0}; a2enmod -q {1}; else"
        " sed -i '/^LoadModule {0}_module/s/^/#/; /^#LoadModule {1}_module/s/^#//' /etc/httpd/conf.modules.d/00-mpm.conf;"
        f" fi; systemctl restart {HTTPD}"
    )
    back = use.format("mpm_prefork", "mpm_event")
    lab.server(use.format("mpm_event", "mpm_prefork"))
    try:
        assert fetch(lab, "/repo/kinoite/prod/config")[0] == 200
        assert changed_operations(lab.pyinfra("deploy.py", "--dry", "--json")) == []
    finally:
        lab.server(back)
    assert fetch(lab, "/repo/kinoite/prod/config")[0] == 200


def test_a_port_that_is_open_in_another_way_is_left_to_the_administrator(lab: Lab) -> None:
    """In a range, as Fedora Workstation's zone has it from the start, or through a service."""
    wide = "1025-65535/tcp"
    both = "for scope in '' --permanent; do firewall-cmd -q $scope --{0}-port={1}; firewall-cmd -q $scope --{0}-service=https; done"
    lab.server(both.format("add", wide))
    try:
        assert changed_operations(lab.pyinfra("deploy.py", "--dry", "--json")) == []
        lab.pyinfra("deploy.py", "-y", "--data", "ostree_https_port=443")
        again = lab.pyinfra("deploy.py", "--dry", "--json", "--data", "ostree_https_port=443")
        assert changed_operations(again) == []
        listed = lab.server("firewall-cmd --list-ports; firewall-cmd --permanent --list-ports").out.split()
        assert listed == [wide, wide]
    finally:
        lab.server(both.format("remove", wide))
        lab.pyinfra("deploy.py", "-y")
    assert lab.server("firewall-cmd --list-ports").out.split() == ["8443/tcp"]


def test_a_virtual_host_that_fails_its_test_is_not_left_in_place(lab: Lab) -> None:
    lab.server(
        "d=/etc/apache2/conf-enabled; test -d $d || d=/etc/httpd/conf.d; echo NoSuchDirective > $d/zz-broken.conf"
    )
    try:
        before = lab.server(f"sha256sum $({VHOST})").out
        result = lab.pyinfra("deploy.py", "-y", "--data", "ostree_https_port=8444", check=False)
        assert result.code != 0
        assert lab.server(f"sha256sum $({VHOST})").out == before
        assert fetch(lab, "/repo/kinoite/prod/config")[0] == 200
    finally:
        lab.server("rm -f /etc/apache2/conf-enabled/zz-broken.conf /etc/httpd/conf.d/zz-broken.conf")
        lab.pyinfra("deploy.py", "-y")


def test_the_zipapp_on_the_server_is_the_one_of_this_checkout(lab: Lab) -> None:
    folder = "/usr/libexec/ostree-release"
    installed = lab.server(f"realpath -e {folder}/program").out.strip()
    assert installed == f"{folder}/{hashlib.sha256(build()).hexdigest()}"
    sums = lab.server(f"cd {installed} && find * -name '*.py' -exec sha256sum {{}} +").out.splitlines()
    with zipfile.ZipFile(io.BytesIO(build())) as archive:
        wanted = {f"{hashlib.sha256(archive.read(name)).hexdigest()}  {name}" for name in archive.namelist()}
    assert set(sums) == wanted
