"""The project's own CI: it runs what a newcomer types, on each base, and may do nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import bases, debootstrap

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github/workflows"
WORKFLOW: dict[Any, Any] = yaml.safe_load((FOLDER / "tests.yml").read_text(encoding="utf-8"))
JOBS: dict[str, dict[str, Any]] = WORKFLOW["jobs"]
# What else a step says is code of somebody else's, at a version that they may move.
TRUSTED = re.compile(r"actions/checkout@v[0-9]+")


def commands(job: str) -> list[str]:
    """Return the lines that a job runs."""
    return [line for step in JOBS[job]["steps"] for line in step.get("run", "").splitlines()]


def test_there_is_this_file_and_no_other() -> None:
    assert [path.name for path in FOLDER.iterdir()] == ["tests.yml"]


def test_every_base_that_anybody_can_have_has_a_job_with_every_test() -> None:
    assert set(JOBS) == set(bases._FILES)
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for job in JOBS:
        words = commands(job)[-1].split()
        assert words[:2] == ["sudo", "env"]
        base, program, target = words[2:]
        assert bases.choose(dict([base.split("=")])).name == job
        assert (program, target) == ("make", "test")
        assert target in targets


def test_it_is_started_for_what_is_proposed_and_what_is_taken() -> None:
    # YAML 1.1 reads the word "on" as true.
    assert set(WORKFLOW[True]) == {"push", "pull_request", "workflow_dispatch"}
    assert WORKFLOW[True]["push"] == {"branches": ["main"]}


def test_it_may_read_and_nothing_else() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert "secrets." not in (FOLDER / "tests.yml").read_text(encoding="utf-8")
    for job in JOBS.values():
        assert "permissions" not in job
        for step in job["steps"]:
            if "uses" in step:
                assert TRUSTED.fullmatch(step["uses"])
                assert step["with"] == {"persist-credentials": False}


@pytest.mark.parametrize("job", JOBS)
def test_a_job_ends_and_cannot_fail_unseen(job: str) -> None:
    assert 0 < JOBS[job]["timeout-minutes"] <= 60
    assert "continue-on-error" not in str(JOBS[job])
    assert not re.search(r"\|\| *(true|:)|set \+e", "\n".join(commands(job)))


@pytest.mark.parametrize("job", JOBS)
def test_it_prepares_what_the_lab_asks_for(job: str) -> None:
    """The clients' root file system is made with mmdebstrap on every base."""
    (installed,) = (line for line in commands(job) if "apt-get install" in line)
    assert {"mmdebstrap", "debian-archive-keyring", "python3-venv"} <= set(installed.split())
    assert "mmdebstrap" in Path(debootstrap.__file__).read_text()
    (raised,) = (line for line in commands(job) if line.startswith("sudo sysctl "))
    name, _, value = raised.removeprefix("sudo sysctl ").partition("=")
    assert (name, int(value) >= 512) == ("fs.inotify.max_user_instances", True)


def test_the_documents_say_what_has_not_been_tried() -> None:
    text = (ROOT / "docs/lab.md").read_text(encoding="utf-8")
    (row,) = (line for line in text.splitlines() if line.startswith("| `fedora` |"))
    assert "not tried here" in row
    assert "LAB_BASE=fedora make test" in row
