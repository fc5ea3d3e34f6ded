"""What settings mean: defaults, derived values, and what a client follows."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tasks.settings.load import client_settings, resolve, server_settings
from tasks.settings.reader import SettingsError
from tests.unit.settings_cases import NAME, valid

PROD: dict[str, Any] = {"promotes_from": "dev", "rings": ["pilot", "stable"]}


def test_defaults_are_the_guides() -> None:
    server = server_settings(valid(), NAME)
    dev, prod = server.environments
    assert (str(dev.repository), dev.alias, dev.ref) == (
        "/srv/ostree/rpm-ostree/dev",
        "/repo/kinoite/dev",
        "fedora/x86_64/kinoite/dev",
    )
    assert (str(prod.repository), prod.alias, prod.ref) == (
        "/srv/ostree/rpm-ostree/prod",
        "/repo/kinoite/prod",
        "fedora/x86_64/kinoite/stable",
    )
    assert [(ring.name, ring.ref) for ring in prod.rings] == [
        ("pilot", "fedora/x86_64/kinoite/pilot"),
        ("stable", "fedora/x86_64/kinoite/stable"),
    ]
    assert dev.composed
    assert not prod.composed
    assert prod.home == "fedora/x86_64/kinoite"
    assert (server.https_port, server.plain_port, server.fedora_release) == (8443, None, 44)
    assert server.minimum_free_bytes == 20 * 1024**3
    assert server.packages[:2] == ("fedora-release-kinoite", "kernel")
    assert server.packages[-1] == "tmux"


def test_every_setting_reaches_its_field(tmp_path: Path) -> None:
    """Each value is changed to one that is recognised again, so that no setting is ignored."""
    accounts = tmp_path / ".accounts"  # hidden, so that it is no gate
    accounts.write_text("root:x:0:0:root:/root:/bin/bash\nroot:x:0:\n")
    server = server_settings(
        valid(
            ostree_public_name="repo.example.org",
            ostree_image_name="aurora",
            ostree_architecture="aarch64",
            ostree_base_path="/data/ostree",
            ostree_keys_alias="/keys",
            ostree_https_port=9443,
            ostree_http=True,
            ostree_http_port=9080,
            ostree_tls_certificate="/etc/pki/a.crt",
            ostree_tls_key="/etc/pki/a.key",
            ostree_tls_ca="/etc/pki/ca.crt",
            ostree_join_virtual_host=True,
            ostree_httpd_connections=2000,
            ostree_fedora_release=43,
            ostree_treefile_directory="/etc/treefiles",
            ostree_base_packages=["one"],
            ostree_desktop_packages=["two"],
            ostree_system_packages=["three"],
            ostree_additional_packages=["four", "one"],
            ostree_architecture_packages={"aarch64": ["six"]},
            ostree_exclude_packages=["five"],
            ostree_postprocess_commands=["true\nfalse"],
            ostree_treefile_options={"selinux": False},
            ostree_treefile_folder=str(tmp_path),
            ostree_package_repositories={"mine": {"baseurl": "file:///srv/p", "gpgcheck": False}},
            ostree_compose_on_setup=True,
            ostree_compose_environments=["dev"],
            ostree_compose_nightly=True,
            ostree_compose_time="23:59",
            ostree_compose_delay_minutes=0,
            ostree_minimum_free_gib=0.5,
            ostree_smoke_sample=0,
            ostree_gates_directory=str(tmp_path),
            ostree_accounts_file=str(accounts),
            ostree_composers=["ann"],
            ostree_promoters=["bob"],
            ostree_approvers=["carl"],
            ostree_environment_qa={"enabled": False, "promotes_from": "dev", "rings": ["stable"]},
        ),
        NAME,
    )
    plain = {
        field.name: getattr(server, field.name)
        for field in dataclasses.fields(server)
        if field.name not in ("environments", "disabled")
    }
    assert plain == {
        "public_name": "repo.example.org",
        "image_name": "aurora",
        "architecture": "aarch64",
        "base_path": "/data/ostree",
        "https_port": 9443,
        "http": True,
        "http_port": 9080,
        "keys_alias": "/keys",
        "tls_certificate": "/etc/pki/a.crt",
        "tls_key": "/etc/pki/a.key",
        "tls_ca": "/etc/pki/ca.crt",
        "join_virtual_host": True,
        "httpd_connections": 2000,
        "fedora_release": 43,
        "treefile_directory": "/etc/treefiles",
        "base_packages": ("one",),
        "desktop_packages": ("two",),
        "system_packages": ("three",),
        "additional_packages": ("four", "one"),
        "architecture_packages": {"aarch64": ("six",)},
        "exclude_packages": ("five",),
        "postprocess_commands": ("true\nfalse",),
        "treefile_options": {"selinux": False},
        "treefile_folder": str(tmp_path),
        "package_repositories": {"mine": {"name": "mine", "baseurl": "file:///srv/p", "gpgcheck": False}},
        "compose_on_setup": True,
        "compose_environments": ("dev",),
        "compose_nightly": True,
        "compose_time": "23:59",
        "compose_delay_minutes": 0,
        "minimum_free_gib": 0.5,
        "smoke_sample": 0,
        "gates_directory": str(tmp_path),
        "accounts_file": str(accounts),
        "composers": ("ann",),
        "promoters": ("bob",),
        "approvers": ("carl",),
        "ci_keys": (),
    }
    assert server.packages == ("one", "two", "three", "four")
    assert [each.name for each in server.disabled] == ["qa"]
    assert server.disabled[0].ref == "fedora/aarch64/aurora/qa/stable"
    assert server.environment("prod").ref == "fedora/aarch64/aurora/stable"


def test_every_key_of_an_environment_reaches_its_field(tmp_path: Path) -> None:
    key = tmp_path / "dev.asc"
    key.touch()
    dev = {
        "repository": "/srv/ostree/rpm-ostree/d",
        "alias": "/d",
        "ref": "my/dev",
        "packages": ["gdb"],
        "exclude_packages": ["nano"],
        "signing_key": str(key),
    }
    found = server_settings(valid(ostree_environment_dev=dev), NAME).environment("dev")
    assert dataclasses.asdict(found) == {
        "name": "dev",
        "policy": None,
        "automatic": False,
        "freeze": (),
        "enabled": True,
        "promotes_from": None,
        "rings": (),
        "signing": "server",
        "url": "https://images.example.org:8443/d",
        "owner": "root",
        "cache": Path("/var/cache/ostree-release/dev"),
        "gnupghome": Path("/var/lib/ostree-release/keys/dev"),
        "public_key": Path("/srv/ostree/rpm-ostree/keys/dev.gpg"),
        "treefile": Path("/etc/rpm-ostree/treefiles/kinoite-dev.yaml"),
        **{name: tuple(value) if isinstance(value, list) else value for name, value in dev.items()},
        "repository": Path("/srv/ostree/rpm-ostree/d"),
    }


def test_a_ref_of_its_own_moves_all_rings() -> None:
    prod = server_settings(valid(ostree_environment_prod=PROD | {"ref": "acme/desk/live"}), NAME).environment(
        "prod"
    )
    assert [ring.ref for ring in prod.rings] == ["acme/desk/pilot", "acme/desk/live"]
    assert prod.home == "acme/desk"


def test_the_single_ring_stable_is_the_guides() -> None:
    prod = server_settings(
        valid(ostree_environment_prod={"promotes_from": "dev", "rings": ["stable"]}), NAME
    ).environment("prod")
    assert [ring.ref for ring in prod.rings] == ["fedora/x86_64/kinoite/stable"]


@pytest.mark.parametrize(
    ("public_name", "url"),
    [
        (None, "https://images.example.org:8443/repo/kinoite/dev"),
        ("192.0.2.7", "https://192.0.2.7:8443/repo/kinoite/dev"),
        ("2001:db8::7", "https://[2001:db8::7]:8443/repo/kinoite/dev"),
    ],
)
def test_url(public_name: str | None, url: str) -> None:
    server = server_settings(valid(ostree_public_name=public_name), NAME)
    assert server.environment("dev").url == url


def test_follows() -> None:
    qa = {"promotes_from": "dev", "rings": ["pilot"]}
    server = server_settings(valid(ostree_environment_qa=qa), NAME)
    followed = resolve(server, "dev")
    assert (followed.ref, followed.remote) == ("fedora/x86_64/kinoite/dev", "kinoite-dev")
    assert resolve(server, "stable").remote == "kinoite-prod"
    assert resolve(server, "qa/pilot").ref == "fedora/x86_64/kinoite/qa/pilot"
    for name, choices in (
        ("pilot", "prod/pilot, qa/pilot"),
        ("prod", "dev, prod/pilot, prod/stable, qa/pilot"),
    ):
        with pytest.raises(SettingsError) as error:
            resolve(server, name)
        assert error.value.problems == (f"ostree_follows = {name!r}: must be one of: {choices}",)


def test_what_is_switched_off_cannot_be_followed_or_composed() -> None:
    server = server_settings(
        valid(
            ostree_environment_dev={"enabled": False},
            ostree_environment_prod={"enabled": False, "promotes_from": "dev"},
        ),
        NAME,
    )
    assert [each.name for each in server.disabled] == ["dev", "prod"]
    assert server.compose_environments == ()
    for call in (lambda: resolve(server, "dev"), lambda: server.environment("dev")):
        with pytest.raises(SettingsError):
            call()


def test_client() -> None:
    data = valid(ostree_image_server="images", ostree_follows="qa/pilot")
    assert dataclasses.asdict(client_settings(data)) == {
        "image_server": "images",
        "follows": "qa/pilot",
        "health_reports": False,
    }
    with pytest.raises(SettingsError) as error:
        client_settings(valid(ostree_follow="pilot"))
    assert [line.split(" ")[0] for line in error.value.problems] == [
        "ostree_follow",
        "ostree_image_server",
        "ostree_follows",
    ]


def test_group_data_that_was_not_read_is_told_apart() -> None:
    with pytest.raises(SettingsError, match="--chdir"):
        server_settings({"ssh_user": "admin"}, NAME)
    data = valid()
    del data["ostree_http"]
    with pytest.raises(SettingsError, match="ostree_http is not set"):
        server_settings(data, NAME)


def test_a_server_without_a_usable_name_is_asked_for_one() -> None:
    with pytest.raises(SettingsError, match="ostree_public_name = None"):
        server_settings(valid(), "@docker/0123")
