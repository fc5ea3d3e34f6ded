"""Every kind of wrong setting is refused on one line that names it."""

from pathlib import Path
from typing import Any

import pytest

from tasks.settings.load import server_settings
from tasks.settings.reader import SettingsError
from tasks.settings.rules import shown
from tests.unit.settings_cases import NAME, valid

PROD: dict[str, Any] = {"promotes_from": "dev", "rings": ["pilot", "stable"]}


def refusals(**changes: object) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as error:
        server_settings(valid(**changes), NAME)
    return error.value.problems


def environment_refusals(name: str = "prod", **keys: object) -> tuple[str, ...]:
    return refusals(**{f"ostree_environment_{name}": keys})


def test_all_problems_are_named_at_once() -> None:
    problems = refusals(
        ostree_https_prot=8444,
        ostree_http_port="8080",
        ostree_base_path="srv/ostree",
        ostree_environment_prod={"promotes_from": "def", "ring": ["pilot"]},
        unrelated=object(),
    )
    assert problems == (
        "ostree_https_prot = 8444: there is no such setting; did you mean ostree_https_port?",
        "ostree_base_path = 'srv/ostree': must be an absolute path without '..' and without '/' at its end,"
        " of components of letters, digits, '.', '_' and '-', not beginning with '.' or '-'",
        "ostree_http_port = '8080': must be a port: a whole number from 1 to 65535",
        "ostree_environment_prod['ring'] = ['pilot']: there is no such setting; did you mean rings?",
    )


def test_a_setting_of_an_earlier_version_says_what_to_do() -> None:
    assert refusals(ostree_repository_mode="archive") == (
        "ostree_repository_mode = 'archive': leave it out: archive is the only mode that httpd can serve",
    )


def test_a_file_of_accounts_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "accounts"
    path.write_text("root:x:0:0:root:/root:/bin/bash\nroot:x:0:\ntool:x:901\nother:x:9o1:\n")
    what = "must be the path of a file on this machine with the lines of a passwd and of a group file"
    assert refusals(ostree_accounts_file=str(path)) == (
        f"ostree_accounts_file = {str(path)!r}: {what} (line 3: it has 3 fields: a line of passwd has 7, "
        "one of group has 4, with ':' between them; line 4: '9o1' is no number of a user or group: 0 to "
        "4294967294, but not 65535), or None",
    )
    path.write_bytes(b"\xff")
    assert what in refusals(ostree_accounts_file=str(path))[0]
    for value in (str(tmp_path), str(tmp_path / "none"), 7, "", "\x00"):
        assert refusals(ostree_accounts_file=value) == (
            f"ostree_accounts_file = {shown(value)}: {what}, or None",
        )


BAD: list[tuple[str, Any]] = [
    ("ostree_public_name", "https://images.example.org"),
    ("ostree_public_name", "images.example.org:8443"),
    ("ostree_public_name", "-images.example.org"),
    ("ostree_public_name", "images..example.org"),
    ("ostree_public_name", "1.2.3.400"),
    ("ostree_public_name", "fe80::1%eth0"),
    ("ostree_public_name", "a" * 64),
    ("ostree_public_name", "bücher.example"),
    ("ostree_public_name", "images.example.org\n"),
    ("ostree_public_name", ""),
    ("ostree_image_name", "my/image"),
    ("ostree_image_name", ".image"),
    ("ostree_image_name", "-image"),
    ("ostree_image_name", 7),
    ("ostree_architecture", "amd64"),
    ("ostree_architecture", "arm64"),
    ("ostree_architecture", "s390x"),
    ("ostree_architecture", "X86_64"),
    ("ostree_architecture", ""),
    ("ostree_architecture", None),
    ("ostree_architecture", ["x86_64"]),
    ("ostree_base_path", "/"),
    ("ostree_base_path", "/srv"),
    ("ostree_base_path", "/etc/ostree"),
    ("ostree_base_path", "/var/lib"),
    ("ostree_base_path", "/var/lib/ostree-release"),
    ("ostree_base_path", "/var/cache/ostree-release/served"),
    ("ostree_base_path", "/srv/ostree/"),
    ("ostree_base_path", "/srv/../ostree"),
    ("ostree_base_path", "/srv//ostree"),
    ("ostree_base_path", "/srv/os tree"),
    ("ostree_base_path", '/srv/os"tree'),
    ("ostree_base_path", "/srv/os%tree"),
    ("ostree_base_path", "/srv/ostree\n"),
    ("ostree_keys_alias", "repo/keys"),
    ("ostree_keys_alias", "/"),
    ("ostree_https_port", 0),
    ("ostree_https_port", 65536),
    ("ostree_https_port", True),
    ("ostree_https_port", 8443.0),
    ("ostree_https_port", None),
    ("ostree_http", "yes"),
    ("ostree_http", 1),
    ("ostree_http_port", 8443),
    ("ostree_tls_certificate", "/etc/pki/a.crt"),
    ("ostree_tls_key", "/etc/pki/a.key"),
    ("ostree_tls_ca", "/etc/pki/ca.crt"),
    ("ostree_tls_ca", "ca.crt"),
    ("ostree_join_virtual_host", None),
    ("ostree_httpd_connections", 63),
    ("ostree_httpd_connections", 8193),
    ("ostree_httpd_connections", True),
    ("ostree_httpd_connections", "500"),
    ("ostree_fedora_release", "44"),
    ("ostree_fedora_release", 4),
    ("ostree_fedora_release", True),
    ("ostree_treefile_directory", "treefiles"),
    ("ostree_base_packages", "kernel"),
    ("ostree_desktop_packages", ["kate", "kate"]),
    ("ostree_system_packages", ["two words"]),
    ("ostree_additional_packages", [None]),
    ("ostree_additional_packages", ["{display_managers}"]),
    ("ostree_exclude_packages", ["{display_manager}"]),
    ("ostree_exclude_packages", ["-x"]),
    ("ostree_architecture_packages", ["shim-x64"]),
    ("ostree_architecture_packages", {"amd64": ["shim-x64"]}),
    ("ostree_architecture_packages", {"x86_64": "shim-x64"}),
    ("ostree_architecture_packages", {"x86_64": ["a", "a"]}),
    ("ostree_postprocess_commands", ["  "]),
    ("ostree_postprocess_commands", ["a\x00b"]),
    ("ostree_treefile_options", {"ref": "other"}),
    ("ostree_treefile_options", {"selinux": {1, 2}}),
    ("ostree_treefile_options", {7: "seven"}),
    ("ostree_treefile_folder", "/no/such/folder"),
    ("ostree_treefile_folder", __file__),
    ("ostree_treefile_folder", 7),
    ("ostree_treefile_options", {"mutate": ["a\x00b"]}),
    ("ostree_package_repositories", []),
    ("ostree_package_repositories", {"a b": {"baseurl": "http://x", "gpgcheck": False}}),
    ("ostree_package_repositories", {"a": {"gpgcheck": False}}),
    ("ostree_package_repositories", {"a": {"baseurl": "http://x"}}),
    ("ostree_package_repositories", {"a": {"baseurl": "x", "gpgcheck": False}}),
    ("ostree_package_repositories", {"a": {"baseurl": "http://x\ny=1", "gpgcheck": False}}),
    ("ostree_package_repositories", {"a": {"baseurl": "http://x", "gpgchek": False, "gpgkey": "file:///k"}}),
    ("ostree_package_repositories", {"a": {"baseurl": "http://x", "name": "a\nb", "gpgcheck": False}}),
    ("ostree_package_repositories", {"a": "http://x"}),
    ("ostree_compose_on_setup", "no"),
    ("ostree_compose_environments", "dev"),
    ("ostree_compose_environments", ["prod"]),
    ("ostree_compose_environments", ["qa"]),
    ("ostree_compose_nightly", 0),
    ("ostree_compose_time", "2:00"),
    ("ostree_compose_time", "24:00"),
    ("ostree_compose_time", 2),
    ("ostree_compose_delay_minutes", -1),
    ("ostree_compose_delay_minutes", 0.5),
    ("ostree_minimum_free_gib", "20"),
    ("ostree_smoke_sample", -1),
    ("ostree_smoke_sample", True),
    ("ostree_minimum_free_gib", -1),
    ("ostree_minimum_free_gib", float("nan")),
    ("ostree_minimum_free_gib", True),
    ("ostree_composers", ["Ann"]),
    ("ostree_composers", ["ann,bob"]),
    ("ostree_composers", ["ALL"]),
    ("ostree_promoters", ["%wheel"]),
    ("ostree_promoters", ["bob\nALL"]),
    ("ostree_promoters", "bob"),
    ("ostree_environment_dev", True),
    ("ostree_environment_dev", None),
    ("ostree_environment_dev.local", {"enabled": False}),
    ("ostree_environment_", {"enabled": False}),
    ("ostree_package_repositories", {"a": {"baseurl": "http://x/a b", "gpgcheck": False}}),
    ("ostree_package_repositories", {"a": {"baseurl": "http://x/'a'", "gpgcheck": False}}),
]


@pytest.mark.parametrize(("key", "value"), BAD)
def test_a_wrong_value_is_refused_by_name(key: str, value: object) -> None:
    problems = refusals(**{key: value})
    assert len(problems) == 1
    assert problems[0].startswith(key)
    assert "\n" not in problems[0]


BAD_IN_PROD: list[tuple[str, Any]] = [
    ("auto", True),
    ("enabled", 1),
    ("promotes_from", "qa"),
    ("promotes_from", "prod"),
    ("promotes_from", 7),
    ("rings", []),
    ("rings", "stable"),
    ("rings", ["pilot", "pilot"]),
    ("rings", ["pi/lot", "stable"]),
    ("rings", ["candidate", "stable"]),
    ("rings", ["pilot", "releases"]),
    ("repository", "dev"),
    ("repository", "/srv/other"),
    ("repository", "/srv/ostree/rpm-ostree"),
    ("repository", "/srv/ostree/rpm-ostree/dev"),
    ("repository", "/srv/ostree/rpm-ostree/dev/prod"),
    ("repository", "/srv/ostree/rpm-ostree/keys"),
    ("repository", "/srv/ostree/rpm-ostree/../x"),
    ("alias", "/repo/kinoite/dev"),
    ("alias", "/repo/kinoite"),
    ("alias", "/repo/kinoite/dev/x"),
    ("alias", "/repo/keys"),
    ("alias", "/repo"),
    ("alias", "/repo/prod/"),
    ("ref", "fedora/x86_64/kinoite/dev"),
    ("ref", "fedora/x86_64/kinoite/pilot"),
    ("ref", "fedora//stable"),
    ("ref", "/fedora/stable"),
    ("ref", "fedora/stable/"),
    ("ref", "fedora/.stable"),
    ("ref", "fedora/-stable"),
    ("ref", "fedora/sta ble"),
    ("ref", "fedora:stable"),
    ("ref", "stable"),
    ("ref", "fedora/x86_64/kinoite/releases"),
    ("packages", ["gdb"]),
    ("exclude_packages", ["gdb"]),
    ("signing", "laptop"),
    ("signing_key", "/nonexistent/key.asc"),
    ("signing_key", "key\x00"),
]


@pytest.mark.parametrize(("key", "value"), BAD_IN_PROD)
def test_a_wrong_value_in_an_environment_is_refused_by_name(key: str, value: object) -> None:
    problems = environment_refusals("prod", **PROD | {key: value})
    assert len(problems) == 1
    assert f"ostree_environment_prod['{key}'] = " in problems[0] or key in ("rings", "ref")
    assert problems[0].startswith("ostree_environment_prod[")


def test_offline_signing_wants_the_public_key_and_only_that(tmp_path: Path) -> None:
    key = tmp_path / "key"
    for content, words in (
        (None, "must be the file of a public key"),
        (b"\x94\x01\x04", "holds a secret key, which stays with you"),
        (b"no key", "not an OpenPGP packet"),
        (b"\xb4\x01x", "must be the file of a public key"),
    ):
        if content is not None:
            key.write_bytes(content)
        problems = environment_refusals(
            "prod", **PROD | {"signing": "offline", "signing_key": str(key) if content else None}
        )
        assert len(problems) == 1
        assert problems[0].startswith("ostree_environment_prod['signing_key'] = ")
        assert words in problems[0]
    key.write_bytes(b"\x98\x0b\x04" + bytes(10))
    offline = PROD | {"signing": "offline", "signing_key": str(key)}
    assert server_settings(valid(ostree_environment_prod=offline), NAME).environment("prod").offline


def test_environments_in_each_others_way() -> None:
    assert "which is promoted itself" in environment_refusals("qa", promotes_from="prod")[0]
    assert "not itself" in environment_refusals("qa", promotes_from="qa")[0]
    (line,) = environment_refusals("qa", promotes_from="dve")
    assert line.endswith("there is no such environment; did you mean dev?")
    assert "switched off" in environment_refusals("dev", enabled=False)[0]
    assert (
        "named like the environment dev" in environment_refusals("qa", promotes_from="dev", rings=["dev"])[0]
    )
    assert "only an environment with promotes_from has rings" in environment_refusals("qa", rings=["a"])[0]
    assert "only an environment with promotes_from has auto" in environment_refusals("dev", auto={})[0]
    for key, value in (
        ("enabled", "yes"),
        ("frozen", ["friday"]),
        ("freeze", "friday"),
        ("freeze", ["Friday"]),
        ("freeze", ["2027-01-02/2026-12-24"]),
    ):
        (line,) = environment_refusals("prod", promotes_from="dev", auto={key: value})
        assert line.startswith(f"ostree_environment_prod['auto']['{key}'] = ")
    # Releases are refs too: two environments cannot keep theirs in one place.
    (line,) = environment_refusals(
        "qa", promotes_from="dev", rings=["final"], ref="fedora/x86_64/kinoite/final"
    )
    assert "place of prod's candidate" in line
    # A ref is a file: none can lie below another.
    (line,) = environment_refusals(promotes_from="dev", rings=["s"], ref="fedora/x86_64/kinoite/dev/s")
    assert line.endswith("must be apart from the ref of dev, fedora/x86_64/kinoite/dev")
    (line,) = environment_refusals("keys", enabled=True)
    assert line.startswith("ostree_environment_keys['repository']")
