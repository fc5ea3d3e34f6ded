"""Users and groups keep their numbers from build to build, whatever packages come and go."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.integration.driver import HOME, Lab

STATION = "composed"

DEV = "/srv/ostree/rpm-ostree/dev"
REF = f"{HOME}/dev"
LIST = "/var/lib/ostree-release/accounts/dev"
LOCAL = "/etc/rpm-ostree/treefiles/kinoite-dev.local.yaml"
# Two users whose number is whichever is free, and one that only sysusers.d declares; a file belongs to each.
PACKAGES = {"svc-m": "--user", "svc-b": "--sysusers", "svc-c": "--user"}


def composed(lab: Lab, *packages: str) -> str:
    """Compose with these packages besides; returns what was said."""
    listed = "".join(f"  - {name}\\n" for name in packages)
    lab.server(f"printf 'include: kinoite-dev.yaml\\npackages:\\n{listed}' > {LOCAL}")
    return lab.server("ostree-release compose dev 2>&1").out


def accounts(lab: Lab, name: str) -> dict[str, str]:
    """Return name -> number from the newest build's passwd or group, wherever rpm-ostree puts who is not root."""
    text = "".join(
        lab.server(f"ostree --repo={DEV} cat {REF} /usr/{place}/{name}", check=False).out
        for place in ("lib", "etc")
    )
    rows = [line.split(":") for line in text.splitlines() if ":" in line]
    return {row[0]: row[2] for row in rows}


@pytest.fixture(scope="module")
def services(lab: Lab) -> Iterator[Lab]:
    version = re.search(r"(\d{4})\.(\d+)", lab.server("rpm-ostree --version").out)
    assert version
    # Before 2025.7 no file can belong to a user whom only sysusers.d declares: rpm-ostree does not find him.
    knows_sysusers = tuple(map(int, version.groups())) >= (2025, 7)
    for name, how in PACKAGES.items():
        lab.command("publish", name, "1", how if knows_sysusers else "--user", name, "--owns")
    yield lab
    lab.server(f"rm -f {LOCAL}")


def test_five_builds_keep_every_number_and_give_none_to_another_name(services: Lab) -> None:
    ever: dict[str, dict[str, str]] = {"passwd": {}, "group": {}}
    builds = [("svc-m",), ("svc-b", "svc-m"), ("svc-b",), ("svc-b", "svc-c"), ("svc-b", "svc-c", "svc-m")]
    for names in builds:
        said = composed(services, *names)
        for file, known in ever.items():
            now = accounts(services, file)
            for name in names:
                if name not in known:
                    assert f"new {'user' if file == 'passwd' else 'group'} {name} (" in said
                assert known.setdefault(name, now[name]) == now[name], f"{name} moved"
            assert len(set(now.values())) == len(now), now
        for name in names:
            owners = services.server(f"ostree --repo={DEV} ls {REF} /usr/lib/{name}/data").out.split()[1:3]
            assert owners == [ever["passwd"][name], ever["group"][name]], "its file belongs to another number"
    for known in ever.values():
        assert len(set(known.values())) == len(PACKAGES), f"a number was given to another name: {known}"
    assert "new user" not in said, "who comes back is known"


def test_who_is_new_is_no_reason_to_compose_again(services: Lab) -> None:
    before = services.newest_build()
    services.server("ostree-release compose dev")
    assert services.newest_build() == before


def test_a_lost_list_comes_back_from_the_builds(services: Lab) -> None:
    texts = f"sort {LIST}/passwd {LIST}/group"
    before = services.server(texts).out
    services.server(f"rm -r {LIST}/*")
    services.server("ostree-release compose dev")
    assert services.server(texts).out == before


def test_a_seed_that_contradicts_is_refused_and_changes_nothing(services: Lab) -> None:
    before = services.newest_build()
    number = accounts(services, "passwd")["svc-b"]
    seed = f"root:x:0:0::/root:/bin/sh\\nroot:x:0:\\nother:x:{number}:{number}::/:/bin/sh\\n"
    place = "/var/lib/ostree-release/accounts/seed"
    services.server(f"printf '{seed}' > {place}")
    try:
        refused = services.server("ostree-release compose dev", check=False)
    finally:
        services.server(f"rm {place}")
    assert refused.code == 1
    assert f"user other ({number}): {number} is the number of user svc-b" in refused.text
    assert services.newest_build() == before
