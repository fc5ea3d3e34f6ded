"""Who may do what: the user that owns prod, the roles' groups and their members."""

from pyinfra.api import deploy

from tasks.operations import accounts
from tasks.settings import places
from tasks.settings.declared import Server


@deploy("Accounts")
def make_accounts(settings: Server) -> None:
    """Make the user and the groups; what a role may do is in release_tool."""
    accounts.present(
        name="User and groups",
        user=places.RELEASE_USER,
        home=places.STATE,
        groups={
            places.group("composer"): list(settings.composers),
            places.group("promoter"): list(settings.promoters),
            places.group("approver"): list(settings.approvers),
        },
    )
    if settings.ci_keys:
        # sshd runs a forced command by the user's shell, so this one has a shell that no key leads to.
        accounts.present(name="The CI's user", user=places.CI_USER, home=places.CI_HOME, shell="/bin/sh")
