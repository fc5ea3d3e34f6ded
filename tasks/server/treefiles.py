"""What is composed: a treefile for every composed environment, and the package repositories it uses."""

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import yaml
from pyinfra.api import deploy

from ostree_release import account_list
from ostree_release.config import local_treefile
from tasks.operations import managed_files
from tasks.operations.managed_files import Directory, File, names_file
from tasks.pyinfra_gaps.templates import render
from tasks.settings import kinoite, places
from tasks.settings.declared import Environment, Server
from tasks.settings.rules import folder_files

# What rpm-ostree calls in-tree scripts runs with this in front, so that a failing command fails the compose.
SHELL = "#!/usr/bin/bash\nset -xeuo pipefail\n"


@deploy("Treefiles")
def write_treefiles(settings: Server) -> None:
    """Write treefiles, .repo files and the folder beside them; local treefiles and files stay.

    The treefile of an environment that is switched off goes, and what has left the folder. And what the
    numbers of users and groups begin with.
    """
    composed = [each for each in settings.environments if each.composed]
    disabled = [str(each.treefile) for each in settings.disabled if each.composed]
    seed = accounts_seed(settings)
    wanted, names = folder(settings), names_path(settings)
    remembered = managed_files.remembered(names)
    left = [name for name in remembered if name not in wanted]
    if left:
        # Before anything is written: a file may have become a folder, or a folder a file.
        emptied = [path for path in _folders(settings, left) if path not in _folders(settings, wanted)]
        managed_files.declared(
            name="Files that have left the folder beside the treefiles",
            absent=[*(f"{settings.treefile_directory}/{name}" for name in left), *reversed(emptied)],
        )
    managed_files.declared(
        name="Treefiles and package repositories",
        directories=[
            Directory(settings.treefile_directory),
            *(Directory(path) for path in _folders(settings, wanted)),
        ],
        files=[
            # Remembered first: cut off after this file, the next run still knows what is ours.
            *([names_file(names, {*remembered, *wanted})] if remembered or wanted else []),
            *(
                File(f"{settings.treefile_directory}/{name}", content, mode=mode)
                for name, (content, mode) in wanted.items()
            ),
            *(File(str(each.treefile), treefile_text(settings, each)) for each in composed),
            File(f"{settings.treefile_directory}/{settings.image_name}.repo", repositories_text(settings)),
            *([File(places.ACCOUNTS_SEED, seed)] if seed else []),
        ],
        absent=[*disabled, *([] if seed else [places.ACCOUNTS_SEED])],
    )
    if left:
        managed_files.declared(
            name="Names of the files in this folder",
            files=[names_file(names, wanted)] if wanted else [],
            absent=[] if wanted else [names],
        )


def folder(settings: Server) -> dict[str, tuple[bytes, str]]:
    """Read the folder on the laptop that is to lie beside the treefiles: name -> content and mode."""
    if settings.treefile_folder is None:
        return {}
    top = Path(settings.treefile_folder).expanduser()
    return {
        name: ((top / name).read_bytes(), "755" if os.access(top / name, os.X_OK) else "644")
        for name in folder_files(settings.treefile_folder)
    }


def names_path(settings: Server) -> str:
    """Return where a server remembers which of the files beside the treefiles are ours."""
    return f"{settings.treefile_directory}/.folder"


def _folders(settings: Server, names: Iterable[str]) -> list[str]:
    """Return the folders that files are in, each before what it holds."""
    found = {str(parent) for name in names for parent in PurePosixPath(name).parents} - {"."}
    return [f"{settings.treefile_directory}/{each}" for each in sorted(found)]


def accounts_seed(settings: Server) -> str | None:
    """Return the lines of passwd and group that a setting names a file of: those that count, None without."""
    if settings.accounts_file is None:
        return None
    text = Path(settings.accounts_file).expanduser().read_text(encoding="utf-8")
    found, _ = account_list.of_seed(text)
    return "".join(f"{each.line}\n" for each in found)


def treefile_text(settings: Server, environment: Environment) -> str:
    """Render an environment's treefile."""
    assert environment.treefile is not None
    return render(
        "treefiles/treefile.yaml.j2",
        body=yaml.safe_dump(treefile(settings, environment), sort_keys=False, allow_unicode=True, width=100),
        local=local_treefile(environment.treefile).name,
        managed=environment.treefile.name,
    )


def treefile(settings: Server, environment: Environment) -> dict[str, object]:
    """Give an environment's treefile as rpm-ostree's keys and values."""
    release = settings.fedora_release
    packages = dict.fromkeys(kinoite.packages([*settings.packages, *environment.packages], release))
    excluded = dict.fromkeys([*settings.exclude_packages, *environment.exclude_packages])
    keys = {
        "ref": environment.ref,
        # rpm-ostree refuses a treefile with another one than the machine's.
        "basearch": settings.architecture,
        "releasever": str(settings.fedora_release),
        "repos": list(settings.package_repositories),
        "selinux": True,
        "documentation": False,
        "boot-location": "modules",
        "tmp-is-dir": True,
        "recommends": False,
        # Who may use sudo changes on a machine, and only /etc can.
        "etc-group-members": ["wheel"],
    }
    commands = "".join(f"{kinoite.command(line, release)}\n" for line in settings.postprocess_commands)
    lists = {
        "packages": list(packages),
        **{f"packages-{each}": list(names) for each, names in settings.architecture_packages.items()},
        "exclude-packages": list(excluded),
        "postprocess": [SHELL + commands] if commands else [],
    }
    return {**keys, **{key: names for key, names in lists.items() if names}, **settings.treefile_options}


def repositories_text(settings: Server) -> str:
    """Render the package repositories as yum has them."""
    return render("yum.repos.d/packages.repo.j2", repositories=settings.package_repositories)
