"""The table of gates and thresholds: defaults, refusals, and into the configuration and back."""

from __future__ import annotations

from typing import Any

import pytest

from ostree_release.errors import Problem
from ostree_release.loading import plain, read
from ostree_release.policy import GATES, Policy
from tasks.settings.load import server_settings
from tasks.settings.reader import SettingsError
from tests.unit.settings_cases import NAME, valid


def test_every_default_is_allowed_and_filled_in() -> None:
    policy = Policy()
    assert list(policy.on) == list(policy.gates) == list(GATES)
    for name, thresholds in GATES.items():
        assert policy.gates[name] == {key: threshold.default for key, threshold in thresholds.items()}
        assert all(threshold.allowed(threshold.default) for threshold in thresholds.values())


def test_a_gate_can_be_switched_off_and_a_threshold_changed() -> None:
    problems: list[Problem] = []
    given = {"gates": {"soak": False, "diff": {"removed": "warn"}}, "approval": {"days": 1}}
    policy = read(Policy, given, (), problems)
    assert problems == []
    assert "soak" not in policy.on
    assert policy.gates["diff"]["removed"] == "warn"
    assert policy.gates["diff"]["added"] == "warn"
    assert policy.approval.days == 1
    again = read(Policy, plain(Policy, policy), (), problems)
    assert (again, problems) == (policy, [])


PROD: dict[str, Any] = {"promotes_from": "dev", "rings": ["pilot", "stable"]}


@pytest.mark.parametrize(
    ("gates", "approval", "said"),
    [
        ({"soak": {"hour": 1}}, {}, "['gates']['soak']['hour'] = 1: must be left out: there are only hours"),
        ({"soak": {"hours": True}}, {}, "['gates']['soak']['hours'] = True: must be a whole number from 0"),
        ({"soak": {"hours": -1}}, {}, "['gates']['soak']['hours'] = -1"),
        ({"soak": None}, {}, "['gates']['soak'] = None: must be a dictionary, or False to switch"),
        ({"sok": {}}, {}, "['gates']['sok'] = {}: must be left out: there are only complete"),
        ({"diff": {"removed": "fail"}}, {}, "['gates']['diff']['removed'] = 'fail': must be one of 'pass'"),
        ({"diff": {"same_repositories": "x"}}, {}, "must be a list of lists of repository names"),
        ({}, {"days": 0}, "['approval']['days'] = 0: must be a whole number from 1"),
        ({}, {"by": True}, "['approval']['by'] = True: must be left out"),
        ([], {}, "['gates'] = []: must be a dictionary with names as keys"),
    ],
)
def test_what_is_refused_names_the_key(gates: Any, approval: Any, said: str) -> None:
    prod = PROD | {"gates": gates, "approval": approval}
    with pytest.raises(SettingsError) as refused:
        server_settings(valid(ostree_environment_prod=prod), NAME)
    assert len(refused.value.problems) == 1
    named = f"ostree_environment_prod{said}" if said.startswith("[") else said
    assert named in refused.value.problems[0]


def test_every_problem_of_gates_and_approval_is_named_at_once() -> None:
    prod = PROD | {"gates": {"soak": {"hours": -1}, "nope": {}}, "approval": {"days": "14", "by": True}}
    with pytest.raises(SettingsError) as refused:
        server_settings(valid(ostree_environment_prod=prod), NAME)
    assert [line.partition(" = ")[0].partition("prod")[2] for line in refused.value.problems] == [
        "['gates']['nope']",
        "['gates']['soak']['hours']",
        "['approval']['by']",
        "['approval']['days']",
    ]
    assert refused.value.problems[-1].endswith("must be a whole number from 1 to 366")


def test_only_what_is_promoted_has_gates() -> None:
    with pytest.raises(SettingsError, match="only an environment with promotes_from has gates"):
        server_settings(valid(ostree_environment_dev={"gates": {}}), NAME)
