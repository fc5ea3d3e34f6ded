"""What a login may do on the server through its role, and what it may not."""

from __future__ import annotations

import re

import pytest

from tests.integration.attacks import LIBEXEC, OWN, ROLE, SUDO
from tests.integration.driver import Lab, Result

STATION = "composed"

COMPOSER = f"{LIBEXEC}/composer"
PROMOTER = f"{LIBEXEC}/promoter"

REFUSED = {
    "nobody composes": ("visitor", f"sudo -n {COMPOSER} compose dev", SUDO),
    "nobody promotes": ("visitor", f"sudo -n -u ostree-prod {PROMOTER} promote --plan", SUDO),
    "a composer does not promote": ("composer", f"sudo -n -u ostree-prod {PROMOTER} promote --plan", SUDO),
    "a composer's entry point does not promote": ("composer", f"sudo -n {COMPOSER} promote --to prod", ROLE),
    "a promoter does not compose": ("promoter", f"sudo -n {COMPOSER} compose dev", SUDO),
    "a promoter's entry point does not compose": (
        "promoter",
        f"sudo -n -u ostree-prod {PROMOTER} compose dev",
        ROLE,
    ),
    "a promoter is not root": ("promoter", f"sudo -n {PROMOTER} promote --plan", SUDO),
    "the unit's command is not for people": ("composer", f"sudo -n {COMPOSER} run-compose dev", ROLE),
    "no shell": ("promoter", "sudo -n -u ostree-prod /bin/sh -c id", SUDO),
    "no interpreter": ("composer", "sudo -n /usr/bin/python3 -c 'print(1)'", SUDO),
    "no environment": ("composer", f"sudo -n PYTHONPATH=/tmp {COMPOSER} status", SUDO),
    "no traversal": ("composer", f"sudo -n {COMPOSER} compose ../../etc/passwd", OWN),
    "the whole program is not theirs": ("composer", "sudo -n /usr/sbin/ostree-release status", SUDO),
}


@pytest.fixture(scope="module")
def tried(lab: Lab) -> dict[str, Result]:
    """Everything that is refused, each login's in one session."""
    results: dict[str, Result] = {}
    for login in {login for login, *_ in REFUSED.values()}:
        results |= lab.session(
            login, {case: each for case, (who, each, _) in REFUSED.items() if who == login}
        )
    return results


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_role_does_not_have_is_refused(tried: dict[str, Result], case: str) -> None:
    assert tried[case].code != 0
    assert re.search(REFUSED[case][2], tried[case].text), tried[case].text
    assert "Traceback" not in tried[case].text


def test_each_role_can_do_its_own_work(lab: Lab) -> None:
    assert lab.ssh("server", f"sudo -n {COMPOSER} builds dev --json", login="composer").code == 0
    assert lab.ssh("server", f"sudo -n -u ostree-prod {PROMOTER} status --json", login="promoter").code == 0


def test_the_interpreter_ignores_what_the_caller_brings(lab: Lab) -> None:
    lab.ssh("server", "mkdir -p ~/bad && echo 'raise SystemExit(99)' > ~/bad/json.py", login="composer")
    result = lab.ssh(
        "server", f"cd ~/bad && PYTHONPATH=$PWD sudo -n {COMPOSER} builds dev --json", login="composer"
    )
    assert result.code == 0


def test_secrets_are_nobody_elses(lab: Lab) -> None:
    tries = {
        "the key of prod": "ls /var/lib/ostree-release/keys/prod",
        "the key of dev": "ls /var/lib/ostree-release/keys/dev",
        "the key of the web server": "cat /etc/ostree-release/tls/server.key",
        "the journal": "echo x >> /var/lib/ostree-release/journal.jsonl",
    }
    for login in ("visitor", "composer", "promoter"):
        for name, result in lab.session(login, tries).items():
            assert result.code != 0, (login, name)
            assert "Permission denied" in result.text, (login, name, result.text)
