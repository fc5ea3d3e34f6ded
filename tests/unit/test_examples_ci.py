"""The CI examples: they pin the server's host key, keep secrets in files, and ask for what a key may run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ostree_release.access.allowed_subcommands import FOR_CI

FOLDER = Path(__file__).parents[2] / "examples/ci"
FILES = ("gitlab-ci.yml", "github-actions.yml", "Jenkinsfile")


def read(name: str) -> str:
    """Return an example on one line, as the shell is given it: Groovy takes one backslash of two away."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    return re.sub(r"\\?\n\s*", " ", text.replace("\\\\", "\\") if name == "Jenkinsfile" else text)


@pytest.mark.parametrize("name", FILES)
def test_every_connection_is_to_the_known_host_with_the_key_of_a_file(name: str) -> None:
    text = read(name)
    calls = re.findall(r'ssh -i "\$[A-Z_/a-z]+" .*?"ostree-ci@\$SERVER"', text)
    assert calls
    for call in calls:
        for option in (
            "IdentitiesOnly=yes",
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            "UserKnownHostsFile=",
        ):
            assert option in call
        # Quoted for ssh too, which takes a path with a space for two.
        assert re.search(r'-o "UserKnownHostsFile=\\"\$[A-Z_/a-z]+\\"" ', call)
    assert "ssh-keyscan" not in text
    assert "StrictHostKeyChecking=no" not in text
    assert text.count("ssh_known_hosts_file=") == text.count("promote.py") == 1


@pytest.mark.parametrize("name", FILES)
def test_what_is_asked_for_can_be_given_to_a_key(name: str) -> None:
    text = read(name)
    asked = set(re.findall(r'(?:@\$SERVER"|- images) +([a-z-]+) ', text))
    assert {"compose", "promote"} <= asked <= FOR_CI


def test_the_yaml_files_are_yaml() -> None:
    for name in FILES[:2]:
        assert yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
