"""What deploy.py renders, parsed back by what reads it where there is such a thing in Python."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.facts.operating_system import MachineState
from tasks.operations import managed_files, units
from tasks.server import release_tool, schedule, tls, treefiles, web
from tasks.server.platforms import DEBIAN, RED_HAT, Platform
from tasks.settings.declared import Server
from tasks.settings.load import server_settings
from tests.unit.settings_cases import valid

DATA = valid(
    ostree_public_name="images.example.org",
    ostree_environment_dev={"packages": ["strace"]},
    ostree_base_packages=["kernel"],
    ostree_desktop_packages=["kate"],
    ostree_system_packages=[],
    ostree_additional_packages=["vim-enhanced"],
    ostree_architecture_packages={"x86_64": ["shim-x64"], "aarch64": []},
    ostree_postprocess_commands=["systemctl enable sddm.service", "echo 'a: b' # c"],
    ostree_package_repositories={"lab": {"baseurl": "file:///srv/lab", "gpgcheck": False}},
)


def settings(**changes: object) -> Server:
    return server_settings({**DATA, **{f"ostree_{name}": value for name, value in changes.items()}})


def virtual_host(platform: Platform = RED_HAT, **changes: object) -> list[str]:
    return [line.strip() for line in web.virtual_host(settings(**changes), platform.httpd).splitlines()]


def section(lines: list[str], pattern: str) -> list[str]:
    """Lines of the first LocationMatch whose pattern matches a path as httpd would match it."""
    start = next(
        n
        for n, line in enumerate(lines)
        if (found := re.fullmatch(r'<LocationMatch "(.*)">', line)) and found[1] == pattern
    )
    return lines[start + 1 : lines.index("</LocationMatch>", start)]


def test_every_environment_has_its_alias_and_every_section_is_closed() -> None:
    lines = virtual_host()
    assert 'Alias "/repo/kinoite/dev" "/srv/ostree/rpm-ostree/dev"' in lines
    assert 'Alias "/repo/kinoite/prod" "/srv/ostree/rpm-ostree/prod"' in lines
    assert 'Alias "/repo/keys" "/srv/ostree/rpm-ostree/keys"' in lines
    for name in ("VirtualHost", "Directory", "LocationMatch"):
        opened = [line for line in lines if line.startswith(f"<{name} ")]
        assert len(opened) == lines.count(f"</{name}>") > 0
    assert lines.count("Options -Indexes") == 3


def test_only_objects_are_cached_and_private_paths_are_denied() -> None:
    lines = virtual_host()
    objects = r"^/repo/kinoite/prod/objects/../[0-9a-f]{62}\.(commit|dirtree|dirmeta|filez)$"
    assert section(lines, "^/repo/kinoite/prod/") == ['Header set Cache-Control "no-cache"']
    assert section(lines, objects) == ['Header set Cache-Control "public, max-age=31536000, immutable"']
    assert section(lines, r"^/repo/kinoite/prod/(\.lock|tmp|state)(/|$)") == ["Require all denied"]
    assert lines.index(f'<LocationMatch "{objects}">') > lines.index('<LocationMatch "^/repo/kinoite/prod/">')
    assert re.search(objects, f"/repo/kinoite/prod/objects/ab/{'0' * 62}.commit")
    assert not re.search(objects, f"/repo/kinoite/prod/objects/ab/{'0' * 62}.commitmeta")


def test_a_dot_in_an_alias_matches_only_a_dot() -> None:
    prod = {"promotes_from": "dev", "alias": "/repo/os.v1/prod"}
    assert r'<LocationMatch "^/repo/os\.v1/prod/">' in virtual_host(environment_prod=prod)


def test_https_alone_by_default() -> None:
    lines = virtual_host()
    assert [line for line in lines if line.startswith("Listen")] == ["Listen 8443 https"]
    assert [line for line in lines if line.startswith("<VirtualHost")] == ["<VirtualHost *:8443>"]
    assert "SSLProtocol -all +TLSv1.2 +TLSv1.3" in lines
    assert "Protocols h2 http/1.1" in lines
    assert 'SSLCertificateKeyFile "/etc/ostree-release/tls/server.key"' in lines


def test_http_is_a_second_virtual_host_without_tls() -> None:
    lines = virtual_host(http=True)
    assert [line for line in lines if line.startswith("Listen")] == ["Listen 8443 https", "Listen 8080"]
    plain = lines[lines.index("<VirtualHost *:8080>") :]
    assert "SSLEngine on" not in plain
    assert lines.count("SSLEngine on") == 1


@pytest.mark.parametrize("platform", [RED_HAT, DEBIAN])
def test_no_second_listen_where_the_distribution_has_one(platform: Platform) -> None:
    assert not [line for line in virtual_host(platform, https_port=443) if line.startswith("Listen")]


def test_joined_it_neither_listens_nor_has_a_certificate() -> None:
    lines = virtual_host(join_virtual_host=True)
    assert not [line for line in lines if line.startswith(("Listen", "<VirtualHost", "</VirtualHost", "SSL"))]
    assert 'Alias "/repo/kinoite/prod" "/srv/ostree/rpm-ostree/prod"' in lines


def machine(gib: float) -> MachineState:
    return MachineState(
        "debian", (), "13", "Debian", True, False, None, "x86_64", memory_kib=int(gib * 1024**2)
    )


@pytest.mark.parametrize(
    ("gib", "wanted"), [(0, 512), (0.4, 512), (0.95, 512), (1.9, 1024), (3.82, 2048), (62.6, 4096)]
)
def test_connections_follow_the_memory_in_whole_gib(gib: float, wanted: int) -> None:
    assert web.connections(settings(), machine(gib)) == wanted
    assert web.connections(settings(httpd_connections=300), machine(gib)) == 300


@pytest.mark.parametrize(("connections", "threads"), [(64, 16), (101, 26), (8192, 2048)])
def test_limits_have_a_thread_for_each_connection(connections: int, threads: int) -> None:
    text = web.limits_text(settings(httpd_connections=connections), machine(4))
    lines = [line.strip() for line in text.splitlines() if line.strip() and "#" not in line]
    assert lines[0] == "<IfModule mpm_event_module>"
    assert [line for line in lines if line.startswith("<")][1:] == [
        "<IfModule http2_module>",
        *["</IfModule>"] * 2,
    ]
    values = {name: int(value) for name, value in (line.split() for line in lines if line[0] != "<")}
    assert values["ThreadsPerChild"] == values["ThreadLimit"] == threads
    assert values["MaxRequestWorkers"] == values["MaxSpareThreads"] == threads * values["StartServers"]
    assert values["StartServers"] < values["ServerLimit"], "what a reload leaves needs a place"
    unit = configparser.ConfigParser(interpolation=None)
    unit.read_string(web.unit_limits())
    assert int(unit["Service"]["LimitNOFILE"]) > threads * 9
    assert int(unit["Service"]["TasksMax"]) > 2 * values["MaxRequestWorkers"]


@pytest.mark.parametrize("platform", [RED_HAT, DEBIAN])
@pytest.mark.parametrize("join", [False, True])
def test_limits_are_for_a_server_of_our_own(
    monkeypatch: pytest.MonkeyPatch, platform: Platform, join: bool
) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(managed_files, "declared", lambda **words: given.update(words))
    monkeypatch.setattr(units, "running", lambda **words: given.update(words))
    web.serve_repositories._inner(settings(join_virtual_host=join), platform, machine(4))
    httpd = platform.httpd
    drop_in = f"/etc/systemd/system/{httpd.unit}.d/ostree-release.conf"
    limits = {httpd.limits, drop_in, *(path for path, _ in httpd.limits_links)}
    there = {each.path for each in (*given["files"], *given["links"])}
    assert set(given["absent"]) == (limits if join else set())
    assert there & limits == (set() if join else limits)
    assert given["at_start"] == ({} if join else {httpd.unit: given["at_start"].get(httpd.unit)})
    assert set(given["at_start"].get(httpd.unit, ())) == (set() if join else limits)
    kept = [line for line in virtual_host(platform, join_virtual_host=join) if "KeepAlive" in line]
    assert bool(kept) is not join


def test_own_certificate_is_used() -> None:
    lines = virtual_host(tls_certificate="/etc/pki/mine.crt", tls_key="/etc/pki/mine.key")
    assert 'SSLCertificateFile "/etc/pki/mine.crt"' in lines
    assert 'SSLCertificateKeyFile "/etc/pki/mine.key"' in lines


def test_an_environment_that_is_off_is_not_served() -> None:
    text = "\n".join(virtual_host(environment_prod={"promotes_from": "dev", "enabled": False}))
    assert "prod" not in text
    assert "/repo/kinoite/dev" in text


def treefile(**changes: object) -> dict[str, Any]:
    server = settings(**changes)
    parsed: dict[str, Any] = yaml.safe_load(treefiles.treefile_text(server, server.environment("dev")))
    return parsed


def test_treefile_says_what_the_settings_say() -> None:
    parsed = treefile()
    assert parsed["ref"] == "fedora/x86_64/kinoite/dev"
    assert parsed["packages"] == ["kernel", "kate", "vim-enhanced", "strace"]
    assert parsed["exclude-packages"] == ["PackageKit"]
    assert parsed["repos"] == ["lab"]
    assert parsed["releasever"] == "44"
    assert not {"preserve-passwd", "check-passwd", "check-groups"} & parsed.keys(), "the program hands those"
    assert parsed["packages-x86_64"] == ["shim-x64"]
    assert "packages-aarch64" not in parsed


@pytest.mark.parametrize(
    ("release", "package", "unit"),
    [(43, "sddm", "sddm.service"), (44, "plasma-login-manager", "plasmalogin.service")],
)
def test_the_display_manager_is_that_of_the_release(release: int, package: str, unit: str) -> None:
    parsed = treefile(
        fedora_release=release,
        desktop_packages=["kate", "{display_manager}"],
        postprocess_commands=["systemctl enable {display_manager}"],
    )
    assert parsed["packages"][:3] == ["kernel", "kate", package]
    assert f"systemctl enable {unit}\n" in parsed["postprocess"][0]
    assert "{" not in str(parsed["packages"])


def test_without_packages_an_include_alone_decides() -> None:
    lists: dict[str, object] = {
        f"{name}_packages": [] for name in ("base", "desktop", "system", "additional", "exclude")
    }
    parsed = treefile(
        **lists,
        architecture_packages={},
        environment_dev={},
        postprocess_commands=[],
        treefile_options={"include": "fedora.yaml"},
    )
    assert parsed["include"] == "fedora.yaml"
    assert not [key for key in parsed if "packages" in key or "postprocess" in key]


def test_treefile_and_refs_follow_the_architecture() -> None:
    arm = treefile(architecture="aarch64")
    assert (arm["ref"], arm["basearch"]) == ("fedora/aarch64/kinoite/dev", "aarch64")
    assert treefile()["basearch"] == "x86_64"
    parsed = json.loads(release_tool.configuration_text(settings(architecture="ppc64le")))
    assert [ring["ref"] for ring in parsed["environments"]["prod"]["rings"].values()] == [
        "fedora/ppc64le/kinoite/pilot",
        "fedora/ppc64le/kinoite/stable",
    ]


def test_postprocess_is_one_script_that_stops_at_the_first_failure() -> None:
    assert treefile()["postprocess"] == [
        "#!/usr/bin/bash\nset -xeuo pipefail\nsystemctl enable sddm.service\necho 'a: b' # c\n"
    ]
    assert "postprocess" not in treefile(postprocess_commands=[])


def test_treefile_options_win() -> None:
    assert treefile(treefile_options={"selinux": False})["selinux"] is False


def test_treefile_says_that_it_is_managed_and_where_to_edit() -> None:
    server = settings()
    header = treefiles.treefile_text(server, server.environment("dev")).split("ref:")[0]
    assert all(line.startswith("#") for line in header.splitlines())
    assert "kinoite-dev.local.yaml" in header
    assert "include: kinoite-dev.yaml" in header


def test_package_repositories_are_read_as_yum_reads_them() -> None:
    parser = configparser.ConfigParser(interpolation=None)
    repositories = {
        "lab": {"baseurl": "file:///srv/lab", "gpgcheck": False},
        "fedora": {
            "name": "Fedora",
            "metalink": "https://x/?repo=fedora&arch=$basearch",
            "gpgkey": "file:///k",
        },
    }
    parser.read_string(treefiles.repositories_text(settings(package_repositories=repositories)))
    assert dict(parser["lab"]) == {"name": "lab", "baseurl": "file:///srv/lab", "gpgcheck": "0"}
    assert parser["fedora"]["metalink"] == "https://x/?repo=fedora&arch=$basearch"
    assert parser["fedora"]["gpgcheck"] == "1"


def test_sudoers_names_the_roles_programs_and_nothing_else() -> None:
    text = release_tool.sudoers_text(settings())
    alias, environment, *rules = [line for line in text.splitlines() if not line.startswith("#")]
    programs = [f"/usr/libexec/ostree-release/{role}" for role in ("composer", "promoter", "approver")]
    assert alias == f"Cmnd_Alias OSTREE_RELEASE = {', '.join(programs)}"
    assert environment == "Defaults!OSTREE_RELEASE env_reset, !setenv"
    assert rules == [
        "%ostree-composers ALL=(root) NOPASSWD: /usr/libexec/ostree-release/composer",
        "%ostree-promoters ALL=(ostree-prod) NOPASSWD: /usr/libexec/ostree-release/promoter",
        "%ostree-approvers ALL=(ostree-prod) NOPASSWD: /usr/libexec/ostree-release/approver",
    ]
    assert not re.search(r"[*?\[\]^]|SETENV", "\n".join(rules))


def test_sudoers_is_checked_before_sudo_reads_it_and_its_programs_are_roots(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files: dict[str, managed_files.File] = {}

    def declared(**given: Any) -> None:
        files.update({file.path: file for file in given.get("files", [])})

    monkeypatch.setattr(managed_files, "declared", declared)
    release_tool.install_release_tool._inner(settings())
    sudoers = files["/etc/sudoers.d/ostree-release"]
    assert (sudoers.owner, sudoers.group, sudoers.mode) == ("root", "root", "440")
    assert sudoers.validate == "visudo -cf"
    for role in ("composer", "promoter", "approver"):
        program = files[f"/usr/libexec/ostree-release/{role}"]
        assert (program.owner, program.group, program.mode) == ("root", "root", "755")


@pytest.mark.parametrize("role", ["composer", "promoter", "approver"])
def test_an_entry_point_is_isolated_python_that_fixes_its_role(role: str) -> None:
    text = release_tool.entry_point(role)
    assert text.splitlines()[0] == "#!/usr/bin/python3 -I"
    assert f'main(role="{role}")' in text
    compile(text, role, "exec")


def test_configuration_of_the_program() -> None:
    parsed = json.loads(release_tool.configuration_text(settings()))
    assert parsed["format"] == 5
    assert parsed["minimum_free_bytes"] == 20 << 30
    assert parsed["smoke_sample"] == 200
    assert parsed["ca_file"] == "/etc/ostree-release/tls/ca.crt"
    dev, prod = parsed["environments"]["dev"], parsed["environments"]["prod"]
    assert dev["owner"] == "root"
    assert dev["treefile"] == "/etc/rpm-ostree/treefiles/kinoite-dev.yaml"
    assert dev["url"] == "https://images.example.org:8443/repo/kinoite/dev"
    assert prod["owner"] == "ostree-prod"
    assert prod["promotes_from"] == "dev"
    assert list(prod["rings"]) == ["pilot", "stable"]
    assert (prod["treefile"], prod["cache"]) == (None, None)


def test_own_certificate_without_ca_means_the_systems_trust() -> None:
    own = settings(tls_certificate="/etc/pki/mine.crt", tls_key="/etc/pki/mine.key")
    assert json.loads(release_tool.configuration_text(own))["ca_file"] is None


def test_the_proof_runs_daily_as_whoever_owns_prod_and_writes_only_its_result() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(schedule.proof().text("service"))
    service = dict(unit["Service"])
    assert service["User"] == "ostree-prod"
    assert service["ExecStart"] == "/usr/sbin/ostree-release run-verify"
    assert service["ReadWritePaths"] == "/run/ostree-release /var/lib/ostree-release/verify"


def test_timer_and_unit() -> None:
    timer = schedule.nightly_compose(settings(compose_time="03:15", compose_delay_minutes=7)).text("timer")
    assert "OnCalendar=*-*-* 03:15:00\nRandomizedDelaySec=7min\nPersistent=true\n" in timer
    unit = schedule.nightly_compose(settings()).text("service")
    for kept in ("PrivateTmp=yes", "KillMode=mixed", "OOMPolicy=continue"):
        assert f"\n{kept}\n" in f"{unit}\n", "a killed compose leaves nothing, and says why it ended"
    assert "ExecStart=/usr/sbin/ostree-release run-compose %i\nUMask=0022\n" in unit
    assert "Type=oneshot" in unit
    unit = schedule.automatic_promotion(settings()).text("service")
    assert "User=ostree-prod\nExecStart=/usr/sbin/ostree-release auto --to %i\n" in unit
    assert "After=network-online.target time-sync.target\n" in unit
    assert "OnCalendar=hourly\n" in schedule.automatic_promotion(settings()).text("timer")


def test_lock_files_of_every_environment_are_made_at_boot() -> None:
    lines = release_tool.tmpfiles_text(settings()).splitlines()
    assert "d /run/ostree-release 0750 root ostree-prod -" in lines
    locks = [f"{name}.{kind}" for name in ("dev", "prod") for kind in ("writer", "check", "objects")]
    assert [line for line in lines if line.startswith("f")] == [
        f"f /run/ostree-release/{name} 0660 root ostree-prod -" for name in ("journal", *locks)
    ]


@pytest.mark.parametrize("public_name", ["images.example.org", "192.0.2.7", "2001:db8::7"])
def test_certificate_script_is_one_for_the_shell(public_name: str) -> None:
    script = tls.certificate_script(settings(public_name=public_name), DEBIAN)
    assert f"public_name={public_name}\n" in script
    assert "unit=apache2.service" in script
    assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0


def test_treefile_lies_where_the_program_looks() -> None:
    server = settings()
    dev = server.environment("dev")
    parsed = json.loads(release_tool.configuration_text(server))
    assert parsed["environments"]["dev"]["treefile"] == str(dev.treefile)


def test_a_seed_of_accounts_is_shipped_without_people(tmp_path: Path) -> None:
    lines = ["root:x:0:0:root:/root:/bin/bash", "root:x:0:", "tool:x:901:"]
    path = tmp_path / "accounts"
    path.write_text("\n".join(["# ours", *lines, "ann:x:1000:1000::/home/ann:/bin/sh"]))
    seed = treefiles.accounts_seed(settings(accounts_file=str(path)))
    assert seed == "".join(f"{line}\n" for line in lines)
    assert treefiles.accounts_seed(settings()) is None
