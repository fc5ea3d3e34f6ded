"""The CI: its user's keys, each with a forced command, and the programs that these lead to."""

from pyinfra.api import deploy

from ostree_release.access.allowed_subcommands import RUN_AS, role_for
from tasks.operations import managed_files, units
from tasks.operations.managed_files import Directory, File
from tasks.pyinfra_gaps.templates import render
from tasks.server.platforms import Platform
from tasks.settings import places
from tasks.settings.declared import Server

# Read before files of later names: of two Match blocks that match, the first one counts.
SSHD = "/etc/ssh/sshd_config.d/10-ostree-ci.conf"
KEYS = f"{places.CI_HOME}/authorized_keys"


@deploy("CI")
def admit_ci(settings: Server, platform: Platform) -> None:
    """Let the CI's keys in, if there are any; else take away what earlier settings left."""
    files = ci_files(settings)
    possible = (SSHD, KEYS, places.CI, *map(places.ci_entry, RUN_AS))
    there = {file.path for file in (*files, *programs(settings))}
    managed_files.declared(
        name="Keys and forced commands",
        directories=[Directory(places.CI_HOME)] if files else [],
        files=files,
        absent=sorted({*possible} - there),
        check="/usr/sbin/sshd -t",
    )
    if files:
        units.running(name="sshd knows the CI's user", configurations={platform.sshd: [SSHD]})


def ci_files(settings: Server) -> list[File]:
    """List the files that let the CI in; none without keys."""
    if not settings.ci_keys:
        return []
    return [
        File(KEYS, authorized_keys(settings)),
        File(SSHD, render("sshd/ci.conf.j2", user=places.CI_USER, keys=KEYS)),
    ]


def programs(settings: Server) -> list[File]:
    """List what the CI's keys lead to; none without keys. It changes together with what it imports."""
    if not settings.ci_keys:
        return []
    return [
        *(File(places.ci_entry(role), entry_point(role), mode="755") for role in roles(settings)),
        File(places.CI, forced_command(settings), mode="755"),
    ]


def roles(settings: Server) -> tuple[str, ...]:
    """Name the roles that the CI's keys need, and no more."""
    given = {role_for(subcommand) for key in settings.ci_keys for subcommand in key.subcommands}
    return tuple(role for role in RUN_AS if role in given)


def authorized_keys(settings: Server) -> str:
    """Render the CI's keys, each with its forced command."""
    return render("sshd/authorized_keys.j2", command=places.CI, keys=settings.ci_keys)


def forced_command(settings: Server) -> str:
    """Render the program that sshd runs for every key."""
    entries = {role: (places.ROLE_USERS[role], places.ci_entry(role)) for role in roles(settings)}
    return render("libexec/ci.py.j2", program=places.PROGRAM, entries=entries)


def entry_point(role: str) -> str:
    """Render the program that sudo may start for the CI as a role."""
    return render("libexec/role.py.j2", program=places.PROGRAM, role=role, ci=True)
