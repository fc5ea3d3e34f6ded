"""ostree-release on the server: the program, its configuration, its roles, its run directory."""

from pathlib import Path

from pyinfra.api import deploy

from ostree_release import loading
from ostree_release.build import build
from ostree_release.config import Config
from tasks.operations import managed_files
from tasks.operations.managed_files import Directory, File
from tasks.operations.program import Program
from tasks.pyinfra_gaps.templates import render
from tasks.server import ci
from tasks.settings import places
from tasks.settings.declared import Server


@deploy("Release tool")
def install_release_tool(settings: Server) -> None:
    """Install the program and all that decides who may do what with it."""
    managed_files.declared(
        name="Program, configuration, roles",
        directories=[Directory(places.LIBEXEC)],
        files=[
            File(places.COMMAND, render("libexec/command.py.j2", program=places.PROGRAM), mode="755"),
            *(File(places.entry(role), entry_point(role), mode="755") for role in places.ROLE_USERS),
            *ci.programs(settings),
            File(f"{places.CONFIGURATION}/config.json", configuration_text(settings)),
            File("/etc/tmpfiles.d/ostree-release.conf", tmpfiles_text(settings)),
            File("/etc/sudoers.d/ostree-release", sudoers_text(settings), mode="440", validate="visudo -cf"),
        ],
        absent=[f"{places.LIBEXEC}/ostree-release.pyz"],  # of earlier versions
        programs=[Program(places.PROGRAM, build(), places.PYTHON)],
    )


def sudoers_text(settings: Server) -> str:
    """Render what each role may start, and as whom; for the CI's user, what its keys need and no more."""
    users = places.ROLE_USERS
    rules = [
        *((f"%{places.group(role)}", user, places.entry(role)) for role, user in users.items()),
        *((places.CI_USER, users[role], places.ci_entry(role)) for role in ci.roles(settings)),
    ]
    return render("sudoers/ostree-release.j2", rules=rules, programs=[program for _, _, program in rules])


def entry_point(role: str) -> str:
    """Render the program that sudo may start for a role."""
    return render("libexec/role.py.j2", program=places.PROGRAM, role=role, ci=False)


def tmpfiles_text(settings: Server) -> str:
    """Render what makes the run directory and the lock files at boot."""
    return render("tmpfiles.d/ostree-release.conf.j2", environments=settings.environments)


def configuration_text(settings: Server) -> str:
    """Render what the program is told: the part of the settings that concerns it."""
    own_ca = f"{places.TLS}/ca.crt" if settings.private_authority else settings.tls_ca
    served = f"{places.TLS}/server.crt" if settings.private_authority else settings.tls_certificate
    return loading.text_of(
        Config(
            image=settings.image_name,
            public_name=settings.public_name,
            ca_file=Path(own_ca) if own_ca else None,
            certificate=Path(served) if served else None,
            state=Path(places.STATE),
            run=Path(places.RUN),
            minimum_free_bytes=settings.minimum_free_bytes,
            smoke_sample=settings.smoke_sample,
            fedora_release=str(settings.fedora_release),
            gates_directory=Path(places.GATES),
            environments=settings.environments,
            ci_keys=settings.ci_keys,
        )
    )
