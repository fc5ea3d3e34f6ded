"""The server's configuration, roles, the command line's refusals, and the zipapp."""

from __future__ import annotations

import copy
import json
import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ostree_release.__main__ import main
from ostree_release.access import allowed_subcommands
from ostree_release.build import build
from ostree_release.errors import Refused
from ostree_release.loading import load, parse

COMMON: dict[str, Any] = {
    "url": "https://images.test:8443/repo",
    "owner": "root",
    "gnupghome": "/k",
    "public_key": "/k.gpg",
    "treefile": None,
    "cache": None,
    "promotes_from": None,
    "rings": {},
    "signing": "server",
    "policy": None,
    "freeze": [],
}
APPROVAL = {"days": 14, "by_another": False}
GOOD: dict[str, Any] = {
    "format": 5,
    "image": "kinoite",
    "public_name": "images.test",
    "ca_file": None,
    "certificate": None,
    "state": "/var/lib/ostree-release",
    "run": "/run/ostree-release",
    "minimum_free_bytes": 1,
    "smoke_sample": 200,
    "fedora_release": "44",
    "ci_keys": {"gitlab": {"fingerprint": "SHA256:x", "subcommands": ["status"]}},
    "gates_directory": "/etc/ostree-release/gates.d",
    "environments": {
        "dev": {**COMMON, "repository": "/b/dev", "ref": "os/dev", "treefile": "/t.yaml", "cache": "/c"},
        "prod": {
            **COMMON,
            "repository": "/b/prod",
            "ref": "os/stable",
            "promotes_from": "dev",
            "rings": {"pilot": {"ref": "os/pilot"}, "stable": {"ref": "os/stable"}},
            "signing": "server",
            "policy": {"gates": {}, "approval": APPROVAL},
            "freeze": [],
        },
    },
}


def test_a_good_configuration() -> None:
    config = parse(GOOD, "config.json")
    prod, source = config.promoting("prod")
    assert (prod.name, source.name, prod.home, source.composed) == ("prod", "dev", "os", True)
    assert prod.release_ref("44.1") == "os/releases/44.1"
    assert [ring.name for ring in prod.rings] == ["pilot", "stable"]
    assert prod.ring(None).name == "pilot"
    for refused in (
        lambda: config.composed("prod"),
        lambda: config.promoting("dev"),
        lambda: config.environment("x"),
    ):
        with pytest.raises(Refused):
            refused()


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("format", 3, "format: 3 is not 5: deploy the server again"),
        ("extra", 1, "extra: 1: must be left out: there are only image, public_name"),
        ("image", None, "image: None: must be text"),
        ("minimum_free_bytes", True, "minimum_free_bytes: True: must be a whole number"),
        ("state", "var", "state: 'var': must be an absolute path"),
        ("fedora_release", "", "fedora_release: '': must be text that is not empty"),
        ("environments.dev.cache", 3, "environments.dev.cache: 3: must be an absolute path"),
        (
            "environments.dev.url",
            "http://x",
            "environments.dev.url: 'http://x': must be a URL that begins with https://",
        ),
        (
            "environments.prod.promotes_from",
            "qa",
            "environments.prod.promotes_from: 'qa': must be a composed environment",
        ),
        (
            "environments.prod.signing",
            "laptop",
            "environments.prod.signing: 'laptop': must be one of server, offline",
        ),
        ("environments.prod.rings", {}, "environments.prod.rings: {}: must be rings with refs of their own"),
        ("environments.prod.rings", {"a": {}}, "environments.prod.rings.a.ref: None: must be set"),
        (
            "environments.prod.freeze",
            ["someday"],
            "environments.prod.freeze: ('someday',): must be a list in which each item is a weekday",
        ),
        ("ci_keys.gitlab.subcommands", "status", "ci_keys.gitlab.subcommands: 'status': must be a list"),
        (
            "environments.prod.ref",
            "os/other",
            "rings with refs of their own beside os/other, which is the last one's",
        ),
        (
            "environments.prod.rings",
            {"a": {"ref": "os/stable"}, "b": {"ref": "os/stable"}},
            "must be rings with refs of their own",
        ),
        (
            "environments.prod.rings",
            {"a": {"ref": "other/a"}, "b": {"ref": "os/stable"}},
            "must be rings with refs of their own beside os/stable",
        ),
    ],
)
def test_bad_configurations(path: str, value: object, problem: str) -> None:
    content = copy.deepcopy(GOOD)
    place = content
    *parents, last = path.split(".")
    for parent in parents:
        place = place[parent]
    place[last] = value
    with pytest.raises(Refused) as caught:
        parse(content, "config.json")
    assert any(problem in line and line.startswith("config.json: ") for line in caught.value.lines), (
        caught.value.lines
    )


@pytest.mark.parametrize("key", ["signing", "freeze", "policy", "rings", "promotes_from", "treefile"])
def test_nothing_has_a_default_in_the_file(key: str) -> None:
    content = copy.deepcopy(GOOD)
    del content["environments"]["prod"][key]
    with pytest.raises(Refused, match=f"environments.prod.{key}: None: must be set"):
        parse(content, "config.json")


def test_every_problem_at_once(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        parse({**GOOD, "image": 1, "more": 2, "fedora_release": ""}, "c")
    assert len(caught.value.lines) == 3
    for content in ("{", "[]"):
        path = tmp_path / "config.json"
        path.write_text(content)
        with pytest.raises(Refused):
            load(path)
    with pytest.raises(Refused, match="No such file"):
        load(tmp_path / "none.json")


def test_roles() -> None:
    assert allowed_subcommands.allowed("composer", "compose")
    assert not allowed_subcommands.allowed("composer", "promote")
    assert not allowed_subcommands.allowed("composer", "run-compose")
    assert allowed_subcommands.allowed("promoter", "promote")
    assert not allowed_subcommands.allowed("promoter", "compose")
    assert allowed_subcommands.allowed(None, "run-compose")


def test_the_command_line_never_shows_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.json"
    assert main(["config"], config=path) == 1
    assert capsys.readouterr().err == f"ostree-release: {path}: No such file or directory\n"
    assert main(["config", "--json"], config=path) == 1
    assert json.loads(capsys.readouterr().out) == {"error": f"{path}: No such file or directory"}
    assert main(["promote"], role="composer", config=path) == 2
    assert "not for the role composer" in capsys.readouterr().err
    assert main(["promote", "--reason", "two\nlines"], config=path) == 2
    with pytest.raises(SystemExit) as usage:
        main(["promote", "--reason", "x" * 1000], config=path)
    assert usage.value.code == 2
    mine = copy.deepcopy(GOOD)
    mine["environments"]["prod"]["owner"] = pwd.getpwuid(os.geteuid()).pw_name
    path.write_text(json.dumps(mine))
    assert main(["config"], config=path) == 0
    assert "The configuration is right" in capsys.readouterr().out


def test_the_configuration_shows_what_lets_something_through(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = copy.deepcopy(GOOD)
    policy = {"gates": {"soak": {"hours": 5}, "own": False}, "approval": {**APPROVAL, "by_another": True}}
    changed["environments"]["prod"] |= {"policy": policy, "freeze": ["friday"], "signing": "offline"}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(changed))
    assert main(["config", "--json"], config=path) == 0
    shown = json.loads(capsys.readouterr().out)["environments"]
    prod = shown["prod"]
    assert prod["policy"]["gates"]["soak"] == {"hours": 5, "clients": 1, "ring_hours": 0}, "with defaults"
    assert prod["policy"]["gates"]["own"] is False
    assert prod["policy"]["approval"] == {"days": 14, "by_another": True}
    assert (prod["freeze"], prod["signing"]) == (["friday"], "offline")
    assert shown["dev"]["policy"] is None
    assert main(["config"], config=path) == 0
    assert (
        "prod: gates: complete, bootable, diff, soak, advisories; approvals hold 14 days and are not by who "
        "composed; signing: offline; frozen for auto: friday\n"
    ) in capsys.readouterr().out


def test_the_zipapp_is_the_same_from_everywhere(tmp_path: Path) -> None:
    package = Path(__file__).parents[2] / "ostree_release"
    other = tmp_path / "other place" / "ostree_release"
    other.mkdir(parents=True)
    for source in sorted(package.rglob("*.py"), reverse=True):
        copied = other / source.relative_to(package)
        copied.parent.mkdir(exist_ok=True)
        copied.write_bytes(source.read_bytes())
        copied.chmod(0o600)
        os.utime(copied, (1, 1))
    (other / "__pycache__").mkdir()
    output = other.parent / "out.pyz"
    command = [sys.executable, "-m", "ostree_release.build", str(output)]
    subprocess.run(command, cwd=other.parent, check=True, umask=0o077)
    assert output.read_bytes() == build()
    assert output.stat().st_mode & 0o777 == 0o755
    help_text = subprocess.run(
        [sys.executable, str(output), "--help"], capture_output=True, text=True, check=True
    )
    assert "promote" in help_text.stdout
    assert b"ostree_release/build.py" not in build()
