"""The settings' meaning: defaults, derived values, and a refusal for every kind of mistake."""

import dataclasses
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.settings import (
    NAMES,
    SettingsError,
    client_settings,
    resolve,
    server_settings,
)
from tests.unit.settings_cases import valid

NAME = "images.example.org"
PROD: dict[str, Any] = {"promotes_from": "dev", "rings": ["pilot", "stable"]}


def refusals(**changes: object) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as error:
        server_settings(valid(**changes), NAME)
    return error.value.problems


def environment_refusals(name: str = "prod", **keys: object) -> tuple[str, ...]:
    return refusals(**{f"ostree_environment_{name}": keys})


def test_defaults_are_the_guides() -> None:
    server = server_settings(valid(), NAME)
    dev, prod = server.environments
    assert (dev.repository, dev.alias, dev.ref) == (
        "/srv/ostree/rpm-ostree/dev",
        "/repo/kinoite/dev",
        "fedora/x86_64/kinoite/dev",
    )
    assert (prod.repository, prod.alias, prod.ref) == (
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
    assert (server.https_port, server.http_port, server.fedora_release) == (8443, None, 44)
    assert server.minimum_free_bytes == 20 * 1024**3
    assert server.packages[:2] == ("fedora-release-kinoite", "kernel")
    assert server.packages[-1] == "tmux"


def test_every_setting_reaches_its_field() -> None:
    """Each value is changed to one that is recognised again, so that no setting is ignored."""
    server = server_settings(
        valid(
            ostree_public_name="repo.example.org",
            ostree_image_name="aurora",
            ostree_base_path="/data/ostree",
            ostree_keys_alias="/keys",
            ostree_https_port=9443,
            ostree_http=True,
            ostree_http_port=9080,
            ostree_tls_certificate="/etc/pki/a.crt",
            ostree_tls_key="/etc/pki/a.key",
            ostree_tls_ca="/etc/pki/ca.crt",
            ostree_join_virtual_host=True,
            ostree_fedora_release=43,
            ostree_treefile_directory="/etc/treefiles",
            ostree_base_packages=["one"],
            ostree_desktop_packages=["two"],
            ostree_system_packages=["three"],
            ostree_additional_packages=["four", "one"],
            ostree_exclude_packages=["five"],
            ostree_postprocess_commands=["true\nfalse"],
            ostree_treefile_options={"selinux": False},
            ostree_package_repositories={"mine": {"baseurl": "file:///srv/p", "gpgcheck": False}},
            ostree_compose_on_setup=True,
            ostree_compose_environments=["dev"],
            ostree_compose_nightly=True,
            ostree_compose_time="23:59",
            ostree_compose_delay_minutes=0,
            ostree_minimum_free_gib=0.5,
            ostree_composers=["ann"],
            ostree_promoters=["bob"],
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
        "base_path": "/data/ostree",
        "https_port": 9443,
        "http_port": 9080,
        "keys_alias": "/keys",
        "tls_certificate": "/etc/pki/a.crt",
        "tls_key": "/etc/pki/a.key",
        "tls_ca": "/etc/pki/ca.crt",
        "join_virtual_host": True,
        "fedora_release": 43,
        "treefile_directory": "/etc/treefiles",
        "packages": ("one", "two", "three", "four"),
        "exclude_packages": ("five",),
        "postprocess_commands": ("true\nfalse",),
        "treefile_options": {"selinux": False},
        "package_repositories": {"mine": {"name": "mine", "baseurl": "file:///srv/p", "gpgcheck": False}},
        "compose_on_setup": True,
        "compose_environments": ("dev",),
        "compose_nightly": True,
        "compose_time": "23:59",
        "compose_delay_minutes": 0,
        "minimum_free_bytes": 1024**3 // 2,
        "composers": ("ann",),
        "promoters": ("bob",),
    }
    assert [each.name for each in server.disabled] == ["qa"]
    assert server.disabled[0].ref == "fedora/x86_64/aurora/qa/stable"
    assert server.environment("prod").ref == "fedora/x86_64/aurora/stable"


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
        "enabled": True,
        "promotes_from": None,
        "rings": (),
    } | {name: tuple(value) if isinstance(value, list) else value for name, value in dev.items()}


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
    assert server.url(server.environment("dev")) == url


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
    assert dataclasses.asdict(client_settings(data)) == {"image_server": "images", "follows": "qa/pilot"}
    with pytest.raises(SettingsError) as error:
        client_settings(valid(ostree_follow="pilot"))
    assert [line.split(" ")[0] for line in error.value.problems] == [
        "ostree_follow",
        "ostree_image_server",
        "ostree_follows",
    ]


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


def test_group_data_that_was_not_read_is_told_apart() -> None:
    with pytest.raises(SettingsError, match="--chdir"):
        server_settings({"ssh_user": "admin"}, NAME)
    data = valid()
    del data["ostree_http"]
    with pytest.raises(SettingsError, match="ostree_http is not set"):
        server_settings(data, NAME)


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
    ("ostree_base_path", "/"),
    ("ostree_base_path", "/srv"),
    ("ostree_base_path", "/etc/ostree"),
    ("ostree_base_path", "/srv/ostree/"),
    ("ostree_base_path", "/srv/../ostree"),
    ("ostree_base_path", "/srv//ostree"),
    ("ostree_base_path", "/srv/os tree"),
    ("ostree_base_path", '/srv/os"tree'),
    ("ostree_base_path", "/srv/os%tree"),
    ("ostree_base_path", "/srv/ostree\n"),
    ("ostree_repository_mode", "bare"),
    ("ostree_repository_mode", ["archive"]),
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
    ("ostree_fedora_release", "44"),
    ("ostree_fedora_release", 4),
    ("ostree_fedora_release", True),
    ("ostree_treefile_directory", "treefiles"),
    ("ostree_base_packages", "kernel"),
    ("ostree_desktop_packages", ["kate", "kate"]),
    ("ostree_system_packages", ["two words"]),
    ("ostree_additional_packages", [None]),
    ("ostree_exclude_packages", ["-x"]),
    ("ostree_postprocess_commands", ["  "]),
    ("ostree_postprocess_commands", ["a\x00b"]),
    ("ostree_treefile_options", {"ref": "other"}),
    ("ostree_treefile_options", {"selinux": {1, 2}}),
    ("ostree_treefile_options", {7: "seven"}),
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
]


@pytest.mark.parametrize(("key", "value"), BAD)
def test_a_wrong_value_is_refused_by_name(key: str, value: object) -> None:
    problems = refusals(**{key: value})
    assert len(problems) == 1
    assert problems[0].startswith(key)
    assert "\n" not in problems[0]


BAD_IN_PROD: list[tuple[str, Any]] = [
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
    ("signing_key", "/nonexistent/key.asc"),
    ("signing_key", "key\x00"),
]


@pytest.mark.parametrize(("key", "value"), BAD_IN_PROD)
def test_a_wrong_value_in_an_environment_is_refused_by_name(key: str, value: object) -> None:
    problems = environment_refusals("prod", **PROD | {key: value})
    assert len(problems) == 1
    assert f"ostree_environment_prod['{key}'] = " in problems[0] or key in ("rings", "ref")
    assert problems[0].startswith("ostree_environment_prod[")


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


def test_a_server_without_a_usable_name_is_asked_for_one() -> None:
    with pytest.raises(SettingsError, match="ostree_public_name = None"):
        server_settings(valid(), "@docker/0123")


component = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,8}", fullmatch=True)
path = st.lists(component, min_size=1, max_size=3).map(lambda parts: "/x/" + "/".join(parts))
port = st.integers(1, 65535)
valid_values = st.fixed_dictionaries(
    {},
    optional={
        "ostree_public_name": st.one_of(st.none(), st.ip_addresses().map(str)),
        "ostree_image_name": component,
        "ostree_base_path": path,
        "ostree_https_port": port.filter(lambda number: number != 8080),
        "ostree_fedora_release": st.integers(38, 99),
        "ostree_treefile_directory": path,
        "ostree_base_packages": st.lists(component, unique=True, max_size=3),
        "ostree_compose_time": st.times().map(lambda time: time.strftime("%H:%M")),
        "ostree_minimum_free_gib": st.one_of(st.integers(0, 1000), st.floats(0, 1000)),
        "ostree_composers": st.lists(st.from_regex(r"[a-z_][a-z0-9_-]{0,30}", fullmatch=True), unique=True),
        "ostree_environment_dev": st.fixed_dictionaries({}, optional={"ref": component.map("a/{}".format)}),
        "ostree_environment_qa": st.fixed_dictionaries(
            {"promotes_from": st.just("dev")},
            optional={"rings": st.just(["early", "late"]), "alias": component.map("/q/{}".format)},
        ),
    },
)
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3)
    ),
    max_leaves=6,
)
NEVER_RIGHT = {
    "nothing": object(),
    "bytes": b"x",
    "line": "a\nb",
    "quote": 'a"b',
    "negative": -1,
    "nested": [[]],
}


@settings(max_examples=60, deadline=None)
@given(valid_values)
def test_any_valid_settings_load(changes: dict[str, object]) -> None:
    server = server_settings(valid(**changes), NAME)
    assert {each.name for each in server.environments} >= {"dev", "prod"}
    refs = [ring.ref for each in server.environments for ring in each.rings]
    assert len(refs) == len(set(refs))


@settings(max_examples=100, deadline=None)
@given(valid_values, st.sampled_from(sorted(NAMES - {"ostree_image_server", "ostree_follows"})), st.data())
def test_any_mutation_is_refused_by_name(changes: dict[str, object], key: str, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(NEVER_RIGHT)))
    settings_with_one_wrong = valid(**changes | {key: NEVER_RIGHT[kind]})
    with pytest.raises(SettingsError) as error:
        server_settings(settings_with_one_wrong, NAME)
    assert [line for line in error.value.problems if line.startswith(f"{key} = ")]


@settings(max_examples=60, deadline=None)
@given(st.text(string.ascii_lowercase + "_", min_size=1, max_size=20))
def test_any_unknown_name_is_refused_by_name(end: str) -> None:
    key = f"ostree_{end}"
    if key in NAMES or end.startswith("environment_"):
        return
    (line,) = refusals(**{key: 1})
    assert line.startswith(f"{key} = 1: there is no such setting")


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            [*sorted(NAMES), "ostree_environment_dev", "ostree_environment_qa", "ostree_x", "other"]
        )
        | st.text(max_size=5).map("ostree_environment_{}".format),
        junk
        | st.fixed_dictionaries(
            {}, optional={"rings": junk, "ref": junk, "promotes_from": junk, "alias": junk}
        ),
    )
)
def test_junk_raises_only_settings_errors(changes: dict[str, object]) -> None:
    for load in (lambda data: server_settings(data, NAME), client_settings):
        problems: tuple[str, ...] = ("none",)
        try:
            load(valid(**changes))
        except SettingsError as error:
            problems = error.problems
        assert problems
        assert all(line and "\n" not in line for line in problems)
