"""Settings of any kind: the right ones load, the wrong ones are refused by name, and nothing else happens."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.settings.declared import NAMES, Server, declared
from tasks.settings.load import client_settings, server_settings
from tasks.settings.reader import SettingsError
from tests.unit.settings_cases import NAME, valid

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
@given(valid_values, st.sampled_from(sorted(declared(Server))), st.data())
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
    with pytest.raises(SettingsError) as error:
        server_settings(valid(**{key: 1}), NAME)
    (line,) = error.value.problems
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
