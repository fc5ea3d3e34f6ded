"""What a login may do on the server through its role, and what it may not."""

from __future__ import annotations

import pytest

from tests.integration.driver import Lab

COMPOSER = "/usr/libexec/ostree-release/composer"
PROMOTER = "/usr/libexec/ostree-release/promoter"

REFUSED = {
    "nobody composes": ("visitor", f"sudo -n {COMPOSER} compose dev"),
    "nobody promotes": ("visitor", f"sudo -n -u ostree-prod {PROMOTER} promote --plan"),
    "a composer does not promote": ("composer", f"sudo -n -u ostree-prod {PROMOTER} promote --plan"),
    "a composer's entry point does not promote": ("composer", f"sudo -n {COMPOSER} promote --to prod"),
    "a promoter does not compose": ("promoter", f"sudo -n {COMPOSER} compose dev"),
    "a promoter's entry point does not compose": (
        "promoter",
        f"sudo -n -u ostree-prod {PROMOTER} compose dev",
    ),
    "a promoter is not root": ("promoter", f"sudo -n {PROMOTER} promote --plan"),
    "the unit's command is not for people": ("composer", f"sudo -n {COMPOSER} run-compose dev"),
    "no shell": ("promoter", "sudo -n -u ostree-prod /bin/sh -c id"),
    "no interpreter": ("composer", "sudo -n /usr/bin/python3 -c 'print(1)'"),
    "no environment": ("composer", f"sudo -n PYTHONPATH=/tmp {COMPOSER} status"),
    "no traversal": ("composer", f"sudo -n {COMPOSER} compose ../../etc/passwd"),
    "the whole program is not theirs": ("composer", "sudo -n /usr/sbin/ostree-release status"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_role_does_not_have_is_refused(deployed: Lab, first_build: object, case: str) -> None:
    login, command = REFUSED[case]
    result = deployed.ssh("server", command, login=login, check=False)
    assert result.code not in (0, 255), "255: ssh itself failed, and nothing was tried"
    assert "Traceback" not in result.text


def test_each_role_can_do_its_own_work(deployed: Lab, first_build: object) -> None:
    assert deployed.ssh("server", f"sudo -n {COMPOSER} builds dev --json", login="composer").code == 0
    assert (
        deployed.ssh("server", f"sudo -n -u ostree-prod {PROMOTER} status --json", login="promoter").code == 0
    )


def test_the_interpreter_ignores_what_the_caller_brings(deployed: Lab, first_build: object) -> None:
    deployed.ssh("server", "mkdir -p ~/bad && echo 'raise SystemExit(99)' > ~/bad/json.py", login="composer")
    result = deployed.ssh(
        "server", f"cd ~/bad && PYTHONPATH=$PWD sudo -n {COMPOSER} builds dev --json", login="composer"
    )
    assert result.code == 0


def test_secrets_are_nobody_elses(deployed: Lab, first_build: object) -> None:
    for login in ("visitor", "composer", "promoter"):
        for secret in ("/var/lib/ostree-release/keys/prod", "/var/lib/ostree-release/keys/dev"):
            assert deployed.ssh("server", f"ls {secret}", login=login, check=False).code != 0
        assert (
            deployed.ssh("server", "cat /etc/ostree-release/tls/server.key", login=login, check=False).code
            != 0
        )
        assert (
            deployed.ssh(
                "server", "echo x >> /var/lib/ostree-release/journal.jsonl", login=login, check=False
            ).code
            != 0
        )
